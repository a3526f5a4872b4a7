"""Answers what a git server asks: who are you, and is this really you? And keeps what it says.

Secrets are looked up anew for each connection, so that a changed one is used at once, and are offered only once: a
server that asks again has refused them. Every callback also checks the deadline.
"""

# ruff: noqa: ARG002 - libgit2 calls these by position
from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from pathlib import Path

import pygit2
from pygit2.enums import CredentialType

from agent.core.reasons import Reason
from agent.errors import Moved, Transient
from agent.ports import Secrets
from agent.repository.urls import is_ssh, redact
from agent.settings import RepositorySettings

MOST_SAID = 4000
SYSTEM_KNOWN_HOSTS = Path("/etc/ssh/ssh_known_hosts")


class Refused(Exception):
    """The server asked again for a login that it was given."""


class TooMuch(Exception):
    """More bytes came than were asked for."""


class TrustedHosts:
    """The known hosts of one connection, in a home folder of its own.

    libgit2 knows one home folder a process, so it is this connection's from `take` until its host key was checked.
    """

    _turn = threading.Lock()

    def __init__(self, settings: RepositorySettings, home: Path) -> None:
        self._settings = settings
        self._home = home
        self._taken = False

    def take(self) -> None:
        if not is_ssh(self._settings.url):
            return
        if not self._turn.acquire(timeout=self._settings.timeout):
            raise Transient(Reason.REPOSITORY_UNREACHABLE, "another connection over ssh is still being made")
        self._taken = True
        trust_known_hosts(self._settings, self._home)

    def release(self) -> None:
        if self._taken:
            self._taken = False
            self._turn.release()


class Callbacks(pygit2.RemoteCallbacks):
    """For one connection. `rejected` collects what a push was refused, by ref, and `said` what the server told people.

    `expected` names where refs must be at the remote for a push to be sent at all, `most` how many bytes may come.
    """

    def __init__(self, settings: RepositorySettings, secrets: Secrets, hosts: TrustedHosts) -> None:
        super().__init__()
        self.hosts = hosts
        self.said = ""
        self.expected: Mapping[str, str] = {}
        self.most: int | None = None
        self._settings = settings
        self._secrets = secrets
        self._asked: set[int] = set()
        self._deadline = time.monotonic() + settings.timeout
        self.rejected: dict[str, str] = {}

    def credentials(
        self, url: str, username_from_url: str | None, allowed_types: CredentialType
    ) -> pygit2.Username | pygit2.UserPass | pygit2.KeypairFromMemory:
        self._check()
        if int(allowed_types) in self._asked:
            raise Refused(redact(url))
        self._asked.add(int(allowed_types))
        settings = self._settings
        username = settings.username or username_from_url or "git"
        if allowed_types & CredentialType.SSH_MEMORY and settings.ssh_key:
            key = self._secrets.value(settings.ssh_key)
            return pygit2.KeypairFromMemory(username, None, key.rstrip("\n") + "\n", self._password())
        if allowed_types & CredentialType.USERNAME:
            return pygit2.Username(username)
        if allowed_types & CredentialType.USERPASS_PLAINTEXT and settings.password:
            return pygit2.UserPass(username, self._password())
        raise Refused(redact(url))

    def _password(self) -> str:
        """The password; for an ssh key its passphrase. Empty when there is none."""
        name = self._settings.password
        return self._secrets.value(name).rstrip("\n") if name else ""

    def certificate_check(self, certificate: None, valid: bool, host: bytes) -> bool:
        self.hosts.release()
        self._check()
        return valid

    def sideband_progress(self, string: str) -> None:
        self._check()
        self.said = (self.said + string)[-MOST_SAID:]

    def transfer_progress(self, stats: pygit2.remotes.TransferProgress) -> None:
        self._check()
        if self.most is not None and stats.received_bytes > self.most:
            raise TooMuch(f"{stats.received_bytes} bytes")

    def push_negotiation(self, updates: list[pygit2.remotes.PushUpdate]) -> None:
        """libgit2 pushes whatever is a fast-forward of what it finds; a branch that was set back must not be."""
        self._check()
        for update in updates:
            expected = self.expected.get(update.dst_refname)
            if expected is not None and str(update.src) != expected:
                raise Moved(f"{update.dst_refname} is at {update.src}, expected {expected}")

    def push_transfer_progress(self, objects_pushed: int, total_objects: int, bytes_pushed: int) -> None:
        self._check()

    def push_update_reference(self, refname: str, message: str | None) -> None:
        if message is not None:
            self.rejected[refname] = message

    def _check(self) -> None:
        if time.monotonic() > self._deadline:
            raise Transient(
                Reason.REPOSITORY_UNREACHABLE, f"the git server did not finish within {self._settings.timeout:g} s"
            )


def trust_known_hosts(settings: RepositorySettings, home: Path) -> None:
    """Give libgit2 a home folder of its own whose known_hosts holds what the settings, the user and the system say."""
    lines = [*_configured(settings.known_hosts), *_lines(Path("~/.ssh/known_hosts").expanduser())]
    lines += _lines(SYSTEM_KNOWN_HOSTS)
    target = home / ".ssh" / "known_hosts"
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    scratch = target.with_suffix(".new")
    scratch.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    scratch.replace(target)
    pygit2.settings.homedir = str(home)


def _configured(known_hosts: str | None) -> list[str]:
    """`repo.known_hosts` is either the lines themselves or the path of a file."""
    if not known_hosts:
        return []
    if " " in known_hosts.strip():
        return _plain(known_hosts)
    return _lines(Path(known_hosts).expanduser())


def _lines(path: Path) -> list[str]:
    try:
        return _plain(path.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return []


def _plain(text: str) -> list[str]:
    """Lines that libssh2 can read: it knows neither comments of its own line nor `@` markers."""
    return [line for line in map(str.strip, text.splitlines()) if line and line[0] not in "#@"]
