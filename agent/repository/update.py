"""Publishes the agent's own commits on the config branch of a remote, by way of the mirror.

The branch moves from exactly the commit that was planned on to exactly the one made here, or not at all; nothing is
ever forced. A push whose answer is lost is settled by looking where the branch is.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping

import pygit2

from agent.core.reasons import Reason
from agent.errors import Moved, PierheadError, Stalled, Transient
from agent.repository.commits import Author, Draft, Made
from agent.repository.library import BROKEN
from agent.repository.mirror import Mirror
from agent.repository.refusals import is_refusal, refused
from agent.settings import RepositorySettings


class RemotePublisher:
    """Implements `ports.Publisher` for the remote of a mirror."""

    def __init__(self, mirror: Mirror, settings: RepositorySettings, author: Author) -> None:
        self._mirror = mirror
        self._branch = settings.branch
        self._root = settings.path
        self._author = author
        self._lock = threading.Lock()
        self._asked = f"refs/pierhead/asked/{settings.branch}"

    def publish(self, base: str, files: Mapping[str, bytes], message: str) -> str:
        """See `ports.Publisher`."""
        with self._lock:
            made = self._make(Draft(base, files, message, self._root))
            commit = str(made.commit)
            if made.edits:
                self._push(base, commit)
                self._mirror.advance(base, commit)
            return commit

    def _make(self, draft: Draft) -> Made:
        try:
            repository = pygit2.Repository(str(self._mirror.path))
            if pygit2.Oid(hex=draft.base) not in repository:
                raise Moved(f"the mirror has no commit {draft.base}")
            return draft.make(repository, self._author)
        except BROKEN as error:
            why = str(error)
        if self._mirror.repair(why):
            raise Moved(f"the mirror was made anew: {why}")
        raise Transient(
            Reason.WRITE_BACK_FAILED,
            f"an update commit cannot be made in the mirror: {why}",
            advice="check free space and permissions of data_dir",
        )

    def _push(self, base: str, commit: str) -> None:
        remote = self._mirror.remote
        try:
            said = remote.push_onto(self._mirror.path, base, commit, self._branch)
            failure = refused(remote.name, self._branch, said) if said else None
        except PierheadError as error:
            failure = self._explained(error).with_traceback(None)
        if failure is not None:
            self._settle(base, commit, failure)

    def _explained(self, error: PierheadError) -> PierheadError:
        """A login that is good for reading and refused for writing is about the right to push, not about the login."""
        if not is_refusal(error):
            return error
        remote = self._mirror.remote
        return refused(remote.name, self._branch, error.message.removeprefix(f"{remote.name}: "))

    def _settle(self, base: str, commit: str, failure: PierheadError) -> None:
        """Return when the branch has the commit after all; raise Moved when it is elsewhere, else the failure."""
        try:
            tip, taken = self._ask(commit)
        except (*BROKEN, PierheadError):
            raise failure from None
        if taken:
            return
        if tip != base:
            raise Moved(f"branch {self._branch} of {self._mirror.remote.name} is at {tip}, expected {base}")
        raise failure

    def _ask(self, commit: str) -> tuple[str | None, bool]:
        """Where the branch is at the remote now, and whether it has the commit."""
        self._mirror.remote.fetch(self._mirror.path, [f"+refs/heads/{self._branch}:{self._asked}"])
        repository = pygit2.Repository(str(self._mirror.path))
        if self._asked not in repository.references:
            return None, False
        tip = repository.references[self._asked].peel(pygit2.Commit).id
        repository.references.delete(self._asked)
        ours = pygit2.Oid(hex=commit)
        return str(tip), tip == ours or repository.descendant_of(tip, ours)


class WithheldPublisher:
    """Implements `ports.Publisher` where the host settings say that nothing is pushed."""

    def publish(self, base: str, files: Mapping[str, bytes], message: str) -> str:  # noqa: ARG002 - refuses everything
        raise Stalled(
            Reason.UPDATE_REJECTED,
            f"the update of {', '.join(sorted(files))} cannot be committed: write_back.push is false",
            advice="set write_back.push to true in the host settings, or update: {via: none} in the workloads",
        )
