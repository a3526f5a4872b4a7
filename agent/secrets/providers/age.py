"""Secrets as age-encrypted files of the config repository: `secrets/<name>.age`, binary or armored.

They are read at the revision followed now, so an edit is a commit, and are decrypted with the host's identity file: an
age identity or an unencrypted SSH key. The identity never leaves the host.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from agent.errors import Usage
from agent.secrets.provider import MAXIMUM_BYTES, Provider, Surroundings, unusable, without_final_newline
from agent.settings import SecretProviderSettings

ReadPath = Callable[[str], bytes | None]

FOLDER = "secrets"
_STARTS = (b"age-encryption.org/v1", b"-----BEGIN AGE ENCRYPTED FILE-----")


class AgeProvider:
    """`secrets/<name>.age` of the config repository holds the encrypted value; the folder can be set."""

    def __init__(self, read_path: ReadPath, identity_file: Path, folder: str = FOLDER) -> None:
        self._read_path = read_path
        self._folder = folder.strip("/")
        self._identity_file = identity_file

    @property
    def description(self) -> str:
        return f"{self._folder}/*.age in the config repository"

    def stamp(self, name: str) -> Hashable | None:
        content = self._read_path(self._path(name))
        if content is None:
            return None
        try:
            changed = self._identity_file.stat().st_mtime_ns
        except OSError:
            changed = 0
        return hashlib.sha256(content).digest(), changed

    def read(self, name: str) -> bytes | None:
        path = self._path(name)
        content = self._read_path(path)
        if content is None:
            return None
        _check(path, content)
        pyrage = _library(path)
        identities = self._identities(pyrage)
        try:
            return without_final_newline(pyrage.decrypt(content, identities))
        except pyrage.DecryptError as error:
            reason = str(error)
        problem = f"cannot be decrypted with {self._identity_file} ({reason})"
        raise unusable(
            path, problem, "encrypt the value again for this host: `age -a -r RECIPIENT`, and commit the file"
        )

    def _path(self, name: str) -> str:
        return f"{self._folder}/{name}.age"

    def _identities(self, pyrage: Any) -> list[Any]:
        place = f"age identity file {self._identity_file}"
        try:
            content = self._identity_file.read_bytes()
        except OSError as error:
            reason = error.strerror or type(error).__name__
        else:
            identities = _parse_identities(pyrage, content)
            if identities:
                return identities
            reason = "expected an AGE-SECRET-KEY-1… line or an unencrypted SSH private key, found neither"
        advice = f"make one with `age-keygen -o {self._identity_file}`, readable by the agent's user only"
        raise unusable(place, reason, advice)


def _check(path: str, content: bytes) -> None:
    if len(content) > MAXIMUM_BYTES:
        problem = f"expected at most {MAXIMUM_BYTES} bytes, found {len(content)}"
        raise unusable(path, problem, "keep large data in a volume, and its key in a secret")
    if not content.lstrip().startswith(_STARTS):
        problem = "expected an age-encrypted file, found something else"
        advice = "if it is the value in plain text, change that value now, since git keeps it; then commit it encrypted"
        raise unusable(path, problem, advice)


def _library(path: str) -> Any:
    with suppress(ImportError):
        return import_module("pyrage")
    raise unusable(path, "expected the pyrage library, found none", "install it with `pip install 'pierhead[age]'`")


def _parse_identities(pyrage: Any, content: bytes) -> list[Any]:
    """All identities of the file; none when it is no identity file. The library's message is not passed on."""
    try:
        if content.lstrip().startswith(b"-----BEGIN"):
            return [pyrage.ssh.Identity.from_buffer(content)]
        lines = content.decode().splitlines()
        return [pyrage.x25519.Identity.from_str(line.strip()) for line in lines if line.startswith("AGE-SECRET-KEY-1")]
    except (pyrage.IdentityError, UnicodeDecodeError):
        return []


def build(settings: SecretProviderSettings, surroundings: Surroundings) -> Provider:
    if not settings.key:
        raise Usage(
            "secrets: expected `key` for kind age, found none",
            advice="write the path of the host's age identity file, for example key: /etc/pierhead/age.key",
        )
    return AgeProvider(surroundings.read_path, Path(settings.key), settings.path or FOLDER)
