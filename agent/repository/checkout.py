"""Working trees in which the config branch is checked out: their files follow a commit of the agent's own.

As with git's `receive.denyCurrentBranch = updateInstead`, an edit that somebody has not committed is never overwritten;
other than git's, only the files of the commit must be clean. git's own lock is held throughout, so that nobody stages
or commits here meanwhile.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pygit2
from pygit2.enums import FileStatus

from agent.core.reasons import Reason
from agent.errors import Stalled, Transient
from agent.repository.commits import Edit
from agent.repository.library import BROKEN
from agent.repository.replace import replace_file

logger = logging.getLogger(__name__)

BRIEFLY = 2.0
FORGOTTEN = 60.0
MARK = b"pierhead\n"
"""Content of a lock of the agent's; one that is a minute old was left by a killed agent."""


def checkouts_of(repository: pygit2.Repository, ref: str) -> list[Checkout]:
    """Every working tree, linked ones included, whose HEAD is the branch."""
    return [Checkout(one) for one in _with_worktrees(repository) if one.lookup_reference("HEAD").target == ref]


def _with_worktrees(repository: pygit2.Repository) -> Iterator[pygit2.Repository]:
    if not repository.is_bare:
        yield repository
    for name in repository.list_worktrees():
        with suppress(*BROKEN):  # its folder is gone: `git worktree prune` forgets it
            yield pygit2.Repository(repository.lookup_worktree(name).path)


class Checkout:
    """One working tree at the branch's old tip."""

    def __init__(self, repository: pygit2.Repository) -> None:
        self._repository = repository
        self._folder = Path(repository.workdir or "")
        self._index = Path(repository.path) / "index"
        self._scratch = Path(repository.path) / "index.pierhead"
        self._lock = Path(repository.path) / "index.lock"
        self._before = b""

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep git from staging and committing; Transient where git does not finish its own work soon."""
        deadline = time.monotonic() + BRIEFLY
        while not self._take_lock():
            if time.monotonic() > deadline:
                raise Transient(
                    Reason.WRITE_BACK_FAILED,
                    f"git is at work in {self._folder}: {self._lock} is there",
                    advice="delete that file if no git command is running there",
                )
            time.sleep(0.02)
        try:
            yield
        finally:
            self._scratch.unlink(missing_ok=True)
            self._lock.unlink(missing_ok=True)

    def _take_lock(self) -> bool:
        with suppress(FileNotFoundError):
            forgotten = time.time() - self._lock.stat().st_mtime > FORGOTTEN
            if forgotten and self._lock.read_bytes() == MARK:
                self._lock.unlink()
        try:
            descriptor = os.open(self._lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
        except FileExistsError:
            return False
        with os.fdopen(descriptor, "wb") as file:
            file.write(MARK)
        return True

    def refuse_edited(self, edits: Iterable[Edit]) -> None:
        """Stalled where a file of the commit is modified or staged."""
        self._repository.index.read()
        edited = [edit.path for edit in edits if not self._untouched(edit)]
        if edited:
            raise Stalled(
                Reason.UPDATE_REJECTED,
                f"{self._folder}: expected no uncommitted edits in files of the update, found them in "
                + ", ".join(sorted(edited)),
                advice="commit or stash your edits there",
            )

    def _untouched(self, edit: Edit) -> bool:
        """Whether file and index are as in the old tip, or as an earlier try that was killed left them."""
        status = self._repository.status_file(edit.path)
        if status == FileStatus.CURRENT:
            return True
        if status & ~(FileStatus.INDEX_MODIFIED | FileStatus.WT_MODIFIED):
            return False
        staged = self._repository.index[edit.path].id
        return staged in {edit.before, edit.after} and self._repository.hashfile(edit.path) == edit.after

    def write(self, edits: Iterable[Edit]) -> None:
        """Give the files and their index entries the new content."""
        self._before = self._index.read_bytes()
        for edit in edits:
            replace_file(self._folder / edit.path, self._checked_out(edit.after, edit.path))
        self._scratch.write_bytes(self._before)
        index = pygit2.Index(str(self._scratch))
        for edit in edits:
            # Without the file's times: git reads the file once more, when it next wants to know.
            index.add(pygit2.IndexEntry(edit.path, edit.after, index[edit.path].mode))
        index.write()
        replace_file(self._index, self._scratch.read_bytes())

    def take_back(self, edits: Iterable[Edit]) -> None:
        """Undo `write`, or as much of it as was done."""
        try:
            for edit in edits:
                if self._repository.hashfile(edit.path) == edit.after:
                    replace_file(self._folder / edit.path, self._checked_out(edit.before, edit.path))
            if self._before:
                replace_file(self._index, self._before)
        except BROKEN as error:
            logger.warning("%s keeps an update that was not committed: %s", self._folder, error)

    def _checked_out(self, blob: pygit2.Oid, path: str) -> bytes:
        """The blob as git would check it out: line endings as attributes and `core.autocrlf` want them."""
        with pygit2.BlobIO(self._repository[blob].peel(pygit2.Blob), as_path=path) as stream:
            return stream.read()
