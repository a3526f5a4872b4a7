"""Working trees in which the config branch is checked out: their files follow a commit of the agent's own.

As with git's `receive.denyCurrentBranch = updateInstead`, an edit that somebody has not committed is never overwritten;
other than git's, only the files of the commit must be clean.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import pygit2
from pygit2.enums import FileStatus

from agent.core.reasons import Reason
from agent.errors import Stalled, Transient
from agent.repository.commits import Edit
from agent.repository.library import BROKEN
from agent.repository.replace import replace_file

logger = logging.getLogger(__name__)


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

    def refuse_edited(self, edits: Iterable[Edit]) -> None:
        """Stalled where a file of the commit is modified or staged; Transient while git itself is at work here."""
        if (Path(self._repository.path) / "index.lock").exists():
            raise Transient(Reason.WRITE_BACK_FAILED, f"git is at work in {self._folder}: index.lock is there")
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
        try:
            status = self._repository.status_file(edit.path)
            if status == FileStatus.CURRENT:
                return True
            if status & ~(FileStatus.INDEX_MODIFIED | FileStatus.WT_MODIFIED):
                return False
            staged = self._repository.index[edit.path].id
            return staged in {edit.before, edit.after} and self._content(edit.path) == edit.after
        except BROKEN:
            return False

    def _content(self, path: str) -> pygit2.Oid:
        return self._repository.hashfile(path)

    def write(self, edits: Iterable[Edit]) -> None:
        """Give the files and their index entries the new content."""
        edits = tuple(edits)
        index = self._repository.index
        for edit in edits:
            replace_file(self._folder / edit.path, self._checked_out(edit))
        index.read()  # whatever somebody staged a moment ago stays
        for edit in edits:
            self._stage(index, edit)
        index.write()

    def take_back(self, edits: Iterable[Edit]) -> None:
        """Undo `write` after the branch could not be moved, as far as nobody has edited the files since."""
        undone = [
            edit._replace(before=edit.after, after=edit.before)
            for edit in edits
            if self._folder.joinpath(edit.path).is_file() and self._content(edit.path) == edit.after
        ]
        try:
            self.write(undone)
        except BROKEN as error:
            logger.warning("%s keeps an update that was not committed: %s", self._folder, error)

    def _checked_out(self, edit: Edit) -> bytes:
        """The blob as git would check it out: line endings as attributes and `core.autocrlf` want them."""
        with pygit2.BlobIO(self._repository[edit.after].peel(pygit2.Blob), as_path=edit.path) as stream:
            return stream.read()

    @staticmethod
    def _stage(index: pygit2.Index, edit: Edit) -> None:
        """With the file's times, so that git need not read it again; where filters disagree, the content's own id."""
        mode = index[edit.path].mode
        with suppress(*BROKEN):
            index.add(edit.path)
        if index[edit.path].id != edit.after or index[edit.path].mode != mode:
            index.add(pygit2.IndexEntry(edit.path, edit.after, mode))
