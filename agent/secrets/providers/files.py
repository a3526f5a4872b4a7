"""Secrets as files of one directory, one value a file: Docker and Kubernetes secrets, systemd credentials.

Symlinks are followed within the directory, as Kubernetes makes them, and never out of it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Hashable
from pathlib import Path

from agent.errors import Usage
from agent.secrets.provider import MAXIMUM_BYTES, Provider, Surroundings, unusable, without_final_newline
from agent.settings import SecretProviderSettings

DEFAULT_PATH = "/run/secrets"


class FilesProvider:
    """`<directory>/<name>` holds the value of secret `<name>`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @property
    def description(self) -> str:
        return f"files in {self._directory}"

    def stamp(self, name: str) -> Hashable | None:
        try:
            status = (self._directory / name).stat()
        except OSError as error:
            # A file that is there and out of reach must reach `read`, which explains it.
            return None if isinstance(error, FileNotFoundError | NotADirectoryError) else str(error)
        return (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino, status.st_dev)

    def read(self, name: str) -> bytes | None:
        path = self._directory / name
        try:
            self._check(path)
            return without_final_newline(path.read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            reason = error.strerror or type(error).__name__
        raise unusable(str(path), f"cannot be read ({reason})", "let the agent's user read the file")

    def _check(self, path: Path) -> None:
        target = Path(os.path.realpath(path, strict=True))  # Path.resolve raises RuntimeError for a loop of links
        if not target.is_relative_to(self._directory.resolve()):
            problem = "expected a file inside the directory, found a link that leads out of it"
            raise unusable(str(path), problem, "put the file itself into the directory")
        status = target.stat()
        if not stat.S_ISREG(status.st_mode):
            raise unusable(str(path), "expected a file, found something else", "store one value in one plain file")
        if status.st_size > MAXIMUM_BYTES:
            problem = f"expected at most {MAXIMUM_BYTES} bytes, found {status.st_size}"
            raise unusable(str(path), problem, "keep large data in a volume, and its key in a secret")


def build(settings: SecretProviderSettings, _surroundings: Surroundings) -> Provider:
    path = Path(settings.path or DEFAULT_PATH)
    if not path.is_absolute():
        raise Usage(
            f"secrets: expected an absolute path for kind files, found {settings.path!r}",
            advice="write for example path: /run/secrets",
        )
    return FilesProvider(path)
