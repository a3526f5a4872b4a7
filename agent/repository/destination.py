"""Where status and events are written: a remote, by way of the mirror, or a repository on this machine, directly.

Refs only ever move forward from what was seen: somebody else's commit on them is built upon, never overwritten.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import pygit2

from agent.core.reasons import Reason
from agent.errors import Moved, PierheadError, Transient
from agent.repository.library import BROKEN, prepare
from agent.repository.mirror import Mirror
from agent.repository.refs import BRANCHES, branch_of, notes_of
from agent.repository.remote import MOVED

PATIENCE = 300.0
IN_THE_WAY = ("exists; cannot create", "is not directory", "directory/file conflict")
READ_ONLY = ("status code: 403", "read only", "read-only", "denied", "not allowed")
Updates = Mapping[str, pygit2.Oid]


class Destination(Protocol):
    """Objects are written into `repository()`; `publish` makes refs point to them."""

    def repository(self) -> pygit2.Repository: ...

    def tip(self, ref: str) -> pygit2.Oid | None: ...

    def publish(self, updates: Updates) -> None:
        """Move the refs; raises Moved when one is not where it was, after which `refresh` and another try help."""

    def refresh(self) -> None: ...

    def repair(self, why: str) -> bool:
        """After something could not be read: True when it was made anew, and another try helps."""


def rejected(where: str, reasons: Mapping[str, str]) -> PierheadError:
    """What the remote said about each ref, with what can be done about it."""
    text = "; ".join(f"{ref}: {why}" for ref, why in sorted(reasons.items()))
    advice = f"let this login create and push {BRANCHES}* and refs/notes/pierhead/*, or turn write_back.push off"
    if any(word in why for why in reasons.values() for word in IN_THE_WAY):
        advice = "a branch named pierhead is in the way: rename it"
    return Transient(Reason.PUSH_REJECTED, f"{where} refused {text}", advice=advice, retry_after=PATIENCE)


class RemoteDestination:
    """The remote of a mirror. What it is known to have lies in the mirror under refs/pierhead/remote/."""

    def __init__(self, mirror: Mirror, host: str) -> None:
        self._mirror = mirror
        self._refs = (branch_of(host), notes_of(host))
        self._fresh = False

    def repository(self) -> pygit2.Repository:
        return pygit2.Repository(str(self._mirror.path))

    def tip(self, ref: str) -> pygit2.Oid | None:
        if not self._fresh:
            self.refresh()
        return _target(self.repository(), _known(ref))

    def refresh(self) -> None:
        """Learn where the remote's refs of this host are."""
        self._mirror.remote.fetch(self._mirror.path, [f"+{ref}:{_known(ref)}" for ref in self._refs])
        self._fresh = True

    def repair(self, why: str) -> bool:
        self._fresh = False
        return self._mirror.repair(why)

    def publish(self, updates: Updates) -> None:
        self._fresh = False
        refused = self._push([f"{oid}:{ref}" for ref, oid in updates.items()])
        repository = self.repository()
        for ref, oid in updates.items():
            if ref not in refused:
                repository.references.create(_known(ref), oid, force=True)
        if any(word in why for why in refused.values() for word in MOVED):
            raise Moved(str(dict(refused)))
        if refused:
            raise rejected(self._mirror.remote.name, refused)
        self._fresh = True

    def _push(self, refspecs: list[str]) -> Mapping[str, str]:
        remote = self._mirror.remote
        try:
            return remote.push(self._mirror.path, refspecs)
        except PierheadError as error:
            if any(word in error.message.lower() for word in READ_ONLY):
                raise rejected(remote.name, {"the push": error.message.removeprefix(f"{remote.name}: ")}) from error
            raise


class LocalDestination:
    """A repository on this machine, bare or not: its refs are moved directly. None of them is ever checked out."""

    def __init__(self, path: Path) -> None:
        prepare(60.0)
        self._path = path

    def repository(self) -> pygit2.Repository:
        try:
            return pygit2.Repository(str(self._path))
        except BROKEN as error:
            raise Transient(
                Reason.WRITE_BACK_FAILED,
                f"{self._path} is no git repository: {error}",
                advice="run git init there, or turn write_back off",
            ) from error

    def tip(self, ref: str) -> pygit2.Oid | None:
        return _target(self.repository(), ref)

    def refresh(self) -> None:
        """Nothing is kept that could be stale."""

    def repair(self, why: str) -> bool:  # noqa: ARG002 - it is somebody else's repository
        return False

    def publish(self, updates: Updates) -> None:
        repository = self.repository()
        for ref, oid in updates.items():
            self._move(repository, ref, oid)

    def _move(self, repository: pygit2.Repository, ref: str, oid: pygit2.Oid) -> None:
        """Point a ref to a commit that builds on where it points now."""
        try:
            parents = repository[oid].peel(pygit2.Commit).parent_ids
            if ref not in repository.references:
                if parents:
                    raise Moved(ref)
                repository.references.create(ref, oid)
                return
            reference = repository.references[ref]
            if reference.target not in parents:
                raise Moved(ref)
            reference.set_target(oid, "pierhead: status and events")
        except pygit2.AlreadyExistsError as error:
            raise Moved(ref) from error
        except BROKEN as error:
            raise rejected(str(self._path), {ref: str(error)}) from error


def _known(ref: str) -> str:
    return ref.replace("refs/", "refs/pierhead/remote/", 1)


def _target(repository: pygit2.Repository, ref: str) -> pygit2.Oid | None:
    """The commit a ref points to; None where there is none, or where it cannot be read any more."""
    if ref not in repository.references:
        return None
    return repository.references[ref].peel(pygit2.Commit).id
