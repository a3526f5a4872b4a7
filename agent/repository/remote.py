"""Talks to the remote: fetch and push, bounded in time, with every failure turned into words and advice.

Nothing about the remote is stored in the mirror's configuration, so no password is ever written there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import pygit2
from pygit2.enums import FetchPrune

from agent.core.reasons import Reason
from agent.errors import Moved, PierheadError, Stalled, Transient
from agent.ports import Secrets
from agent.repository.credentials import Callbacks, Refused, TrustedHosts
from agent.repository.library import BROKEN, Bounded, prepare
from agent.repository.urls import for_libgit2, is_ssh, local_path, redact
from agent.settings import RepositorySettings

Result = TypeVar("Result")
GRACE = 2.0
REFUSED_LOGIN = ("401", "authentication", "status code: 403", "Auth fail", "publickey")
NOT_FOUND = ("status code: 404", "does not appear to be a git repository", "not found", "unsupported URL protocol")


MOVED = ("fastforward", "fast-forward", "fetch first", "not present locally", "cannot lock ref", "already exists")


class Remote:
    """One remote repository. `name` is its URL as it may be shown."""

    field = "repo."
    """How advice names the fields that say where it is and how to log in."""
    address = "repo.url"
    use = "read and write"

    def __init__(self, settings: RepositorySettings, home: Path, secrets: Secrets) -> None:
        prepare(settings.timeout)
        self._settings = settings
        self._home = home
        self._secrets = secrets
        self._fetching = Bounded("fetch")
        self._pushing = Bounded("push")
        self.name = redact(settings.url)
        self.url = settings.url

    def fetch(self, mirror: Path, refspecs: list[str]) -> None:
        """Bring the named refs up to date in the mirror; one that is gone at the remote is removed."""

        def call(callbacks: Callbacks) -> None:
            remote = pygit2.Repository(str(mirror)).remotes.create_anonymous(for_libgit2(self._settings.url))
            remote.fetch(refspecs, callbacks=callbacks, prune=FetchPrune.PRUNE)

        self._run(self._fetching, call)

    def push(self, mirror: Path, refspecs: list[str]) -> Mapping[str, str]:
        """Push all refs in one go; the result says for each that was refused why. Raises Moved, never forces."""

        def call(callbacks: Callbacks) -> Mapping[str, str]:
            remote = pygit2.Repository(str(mirror)).remotes.create_anonymous(for_libgit2(self._settings.url))
            remote.push(refspecs, callbacks=callbacks)
            return callbacks.rejected

        return self._run(self._pushing, call)

    def push_onto(self, mirror: Path, base: str, commit: str, branch: str) -> str:
        """Push one commit to a branch that is at `base` now; raises Moved where it is not, never forces.

        Returns what the remote refused it with, and empty text when it was taken.
        """
        ref = f"refs/heads/{branch}"

        def call(callbacks: Callbacks) -> str:
            callbacks.expected = {ref: base}
            remote = pygit2.Repository(str(mirror)).remotes.create_anonymous(for_libgit2(self._settings.url))
            remote.push([f"{commit}:{ref}"], callbacks=callbacks)
            refused = callbacks.rejected.get(ref)
            return "" if refused is None else f"{refused}: {callbacks.said}"

        return redact(self._secrets.redact(self._run(self._pushing, call)))

    def _run(self, bounded: Bounded, call: Callable[[Callbacks], Result]) -> Result:
        hosts = TrustedHosts(self._settings, self._home)

        def connected() -> Result:
            try:
                hosts.take()
                return call(Callbacks(self._settings, self._secrets, hosts))
            finally:
                hosts.release()

        try:
            return bounded.run(connected, self._settings.timeout + GRACE)
        except PierheadError:
            raise
        except (*BROKEN, Refused) as error:
            if bounded is self._pushing and any(word in str(error) for word in MOVED):
                raise Moved(str(error)) from error
            raise self._explained(error) from error

    def _explained(self, error: Exception) -> PierheadError:
        text = redact(self._secrets.redact(str(error))).strip() or type(error).__name__
        if isinstance(error, pygit2.CertificateError) or "hostkey" in text:
            return Stalled(Reason.REPOSITORY_UNAUTHORIZED, f"{self.name}: {text}", advice=self._trust_advice())
        if isinstance(error, Refused):
            text = "the login was refused" if self._has_login() else "a login is asked for, and none is set"
        if isinstance(error, pygit2.AuthError | Refused) or any(word in text for word in REFUSED_LOGIN):
            return Stalled(Reason.REPOSITORY_UNAUTHORIZED, f"{self.name}: {text}", advice=self._login_advice())
        advice = ""
        if any(word in text for word in NOT_FOUND):
            advice = f"check {self.address}; many servers also answer so when the login may not see the repository"
        return Transient(Reason.REPOSITORY_UNREACHABLE, f"{self.name}: {text}", advice=advice)

    def _has_login(self) -> bool:
        settings = self._settings
        return bool(settings.ssh_key if is_ssh(settings.url) else settings.password)

    def _trust_advice(self) -> str:
        if is_ssh(self._settings.url):
            return (
                f"put the server's line into {self.field}known_hosts: ssh-keyscan -p PORT HOST, "
                "compared with its fingerprint"
            )
        return "the certificate is not trusted: name the authority's file in SSL_CERT_FILE"

    def _login_advice(self) -> str:
        settings = self._settings
        if local_path(settings.url) is not None:
            return "let the user that Pierhead runs as read and write the repository"
        if is_ssh(settings.url):
            return f"set {self.field}ssh_key to a secret with a private key whose public half the server knows"
        return (
            f"set {self.field}username and {self.field}password to a login or token that may {self.use} this repository"
        )
