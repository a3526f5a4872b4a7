"""One watched git repository: asked for its branches and tags, and for single commits, within the same limits as a
fetch of the config repository.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import pygit2
from pygit2.enums import FetchPrune

from agent.ports import Secrets
from agent.repository.credentials import Callbacks
from agent.repository.remote import Remote
from agent.repository.urls import for_libgit2
from agent.settings import RepositorySettings

Result = TypeVar("Result")
KINDS = ("refs/heads/", "refs/tags/")
PEELED = "^{}"


class Watched(Remote):
    """`lock` is held by whoever works in its cache."""

    field = "the trigger's "
    address = "the trigger's repo"
    use = "read"

    def __init__(self, settings: RepositorySettings, home: Path, secrets: Secrets) -> None:
        super().__init__(settings, home, secrets)
        self.lock = threading.Lock()

    def bounded(self, call: Callable[[], Result]) -> Result:
        """Run something on this machine within the same time, its failures explained in the same way."""
        return self._run(self._fetching, lambda _: call())

    def heads(self) -> Mapping[str, str]:
        """Commit ids by full ref names; an annotated tag counts as the commit that it names."""

        def call(callbacks: Callbacks) -> Mapping[str, str]:
            remote = pygit2.Repository().remotes.create_anonymous(for_libgit2(self.url))
            remote.connect(callbacks=callbacks)
            found = {head.name or "": str(head.oid) for head in remote.list_heads(connect=False)}
            return {name: found.get(name + PEELED, oid) for name, oid in found.items() if _wanted(name)}

        return self._run(self._fetching, call)

    def bring(self, cache: Path, commits: Mapping[str, str], depth: int, most: int) -> None:
        """Fetch refs or ids, the keys, as refs named after their commits; raises TooMuch beyond `most` bytes."""

        def call(callbacks: Callbacks) -> None:
            callbacks.most = most
            refspecs = [f"+{wanted}:refs/pierhead/{commit}" for wanted, commit in commits.items()]
            remote = pygit2.Repository(str(cache)).remotes.create_anonymous(for_libgit2(self.url))
            remote.fetch(refspecs, callbacks=callbacks, prune=FetchPrune.NO_PRUNE, depth=depth)

        self._run(self._fetching, call)


class WatchedConfig(Watched):
    """The config repository itself, with the login of the host settings."""

    field = Remote.field
    address = Remote.address


def _wanted(name: str) -> bool:
    return name.startswith(KINDS) and not name.endswith(PEELED)
