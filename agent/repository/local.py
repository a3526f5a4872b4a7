"""Any repository on this machine, at any ref: what `validate --ref` and `plan --from/--to` read.

Nothing is fetched and nothing is written.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pygit2

from agent.core.reasons import Reason
from agent.core.tree import ReadBlob, Tree
from agent.errors import Stalled
from agent.repository.library import BROKEN, prepare
from agent.repository.objects import Objects


@dataclass(frozen=True, slots=True)
class Reader:
    """The files of one commit and the way to their content."""

    tree: Tree
    read_blob: ReadBlob


class LocalRepository:
    """A repository found at or above `path` (bare or not), read below `root`."""

    def __init__(self, path: Path, root: str = ".") -> None:
        prepare(60.0)
        self.path = path
        found = pygit2.discover_repository(str(path)) if path.exists() else None
        if found is None:
            raise Stalled(
                Reason.REPOSITORY_UNREACHABLE,
                f"expected a git repository at {path}, found none",
                advice="name a folder inside a git repository, or run git init there",
            )
        try:
            self._objects = Objects(Path(found), root)
        except BROKEN as error:
            raise Stalled(
                Reason.REPOSITORY_UNREACHABLE,
                f"the git repository at {path} cannot be opened: {error}",
                advice="check it with git fsck",
            ) from error

    def commit(self, ref: str = "HEAD") -> str:
        """The full id of the commit that a branch, tag, remote branch, expression or id names."""
        revision = self._objects.resolve((ref, f"refs/remotes/origin/{ref}"))
        if revision is None:
            raise Stalled(
                Reason.BRANCH_MISSING,
                f"expected a branch, tag or commit in {self.path}, found no {ref}",
                advice="list them with git branch --all, or fetch first",
            )
        return revision

    def tree(self, revision: str | None = None) -> Tree:
        """The files at a ref, by default at HEAD."""
        commit = self.commit(revision or "HEAD")
        try:
            return self._objects.tree(commit)
        except BROKEN as error:
            raise self._broken(commit, error) from error

    def read_blob(self, blob_id: str) -> bytes:
        try:
            return self._objects.read_blob(blob_id)
        except BROKEN as error:
            raise self._broken(blob_id, error) from error

    def read_path(self, revision: str, path: str) -> bytes | None:
        """One file at a ref; None when it is not there."""
        commit = self.commit(revision)
        try:
            return self._objects.read_path(commit, path)
        except BROKEN as error:
            raise self._broken(commit, error) from error

    def _broken(self, what: str, error: Exception) -> Stalled:
        return Stalled(
            Reason.REPOSITORY_UNREACHABLE,
            f"{what} cannot be read from {self.path}: {error}",
            advice="check the repository with git fsck; a shallow clone may have to be deepened",
        )


def open_reader(path: Path, ref: str = "HEAD", root: str = ".") -> Reader:
    """The files of a local repository at a ref, below `root`."""
    repository = LocalRepository(path, root)
    return Reader(repository.tree(ref), repository.read_blob)
