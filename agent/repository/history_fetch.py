"""Brings the refs that hosts write into a clone: what `status --fetch` and `events --follow` do.

The login is the person's own, from the URL or the ssh agent; where that is not enough, git itself can fetch.
"""

from __future__ import annotations

from pathlib import Path

import pygit2
from pygit2.enums import CredentialType, FetchPrune

from agent.core.reasons import Reason
from agent.errors import Transient
from agent.repository.library import BROKEN, Bounded, prepare
from agent.repository.urls import redact

BY_HAND = (
    "git fetch origin '+refs/heads/pierhead/*:refs/remotes/origin/pierhead/*' "
    "'+refs/notes/pierhead/*:refs/notes/pierhead/*'"
)


class _Person(pygit2.RemoteCallbacks):
    """Logs in as the person who runs the command; once."""

    def __init__(self) -> None:
        super().__init__()
        self._asked = False

    def credentials(
        self, url: str, username_from_url: str | None, allowed_types: CredentialType
    ) -> pygit2.Username | pygit2.KeypairFromAgent:
        if allowed_types & CredentialType.USERNAME:
            return pygit2.Username(username_from_url or "git")
        if self._asked or not allowed_types & CredentialType.SSH_KEY:
            raise pygit2.AuthError(f"{redact(url)} asks for a login that only git itself can look up")
        self._asked = True
        return pygit2.KeypairFromAgent(username_from_url or "git")


def fetch_history(path: Path, timeout: float = 30.0) -> bool:
    """Fetch the hosts' refs from `origin`, or from the only remote; False where there is no remote."""
    prepare(timeout)
    repository = pygit2.Repository(pygit2.discover_repository(str(path)) or str(path))
    names = [name for name in repository.remotes.names() if name]
    if not names:
        return False
    name = "origin" if "origin" in names else names[0]
    refspecs = [
        f"+refs/heads/pierhead/*:refs/remotes/{name}/pierhead/*",
        "+refs/notes/pierhead/*:refs/notes/pierhead/*",
    ]

    def call() -> None:
        remote = pygit2.Repository(repository.path).remotes[name]
        remote.fetch(refspecs, callbacks=_Person(), prune=FetchPrune.NO_PRUNE)

    try:
        Bounded("fetch").run(call, timeout)
    except BROKEN as error:
        raise Transient(
            Reason.REPOSITORY_UNREACHABLE, f"{name}: {redact(str(error))}", advice=f"fetch with git: {BY_HAND}"
        ) from error
    return True
