"""Makes the agent's own commits on the config branch: a base commit with some files' contents replaced.

Nothing but those contents changes: a file keeps its name and mode, and is there already. Objects are written, no ref
is moved and nothing is checked out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import pygit2
from pygit2.enums import FileMode

from agent.core.reasons import Reason
from agent.errors import Stalled
from agent.ports import Clock
from agent.repository.objects import normal_parts, outside
from agent.repository.refs import encode

REGULAR = (FileMode.BLOB, FileMode.BLOB_EXECUTABLE)
KINDS = {FileMode.LINK: "a symlink", FileMode.TREE: "a folder", FileMode.COMMIT: "a submodule"}


class Edit(NamedTuple):
    """One file that gets another content. `path` is that in the whole repository."""

    path: str
    before: pygit2.Oid
    after: pygit2.Oid
    mode: FileMode


class Made(NamedTuple):
    """A commit that no ref points to yet. Without edits it is the base itself."""

    commit: pygit2.Oid
    edits: tuple[Edit, ...]


@dataclass(frozen=True, slots=True)
class Author:
    """Who commits, and when."""

    host: str
    clock: Clock

    def signature(self) -> pygit2.Signature:
        return pygit2.Signature("Pierhead", f"pierhead@{encode(self.host)}", int(self.clock.now()), 0, "utf-8")


@dataclass(frozen=True, slots=True)
class Draft:
    """What is to be published; `files` are below `root`, the configured path."""

    base: str
    files: Mapping[str, bytes]
    message: str
    root: str = "."

    def make(self, repository: pygit2.Repository, author: Author) -> Made:
        """Write the commit; raises Stalled where a path is no plain file of the base."""
        base = repository[pygit2.Oid(hex=self.base)].peel(pygit2.Commit)
        edits = tuple(edit for edit in self._edits(repository, base) if edit.before != edit.after)
        if not edits:
            return Made(base.id, ())
        by_parts = {tuple(edit.path.split("/")): edit for edit in edits}
        tree = _replaced(repository, base.tree, by_parts)
        who = author.signature()
        message = self.message.encode("utf-8", "replace").decode().replace("\0", "")
        return Made(repository.create_commit(None, who, who, message, tree, [base.id]), edits)

    def _edits(self, repository: pygit2.Repository, base: pygit2.Commit) -> Iterator[Edit]:
        for path, content in self.files.items():
            parts = normal_parts(path)
            if ".." in parts:
                raise outside(path)
            parts = [*normal_parts(self.root), *parts]
            entry = _entry(base, parts)
            yield Edit("/".join(parts), entry.id, repository.create_blob(content), entry.filemode)


def _entry(base: pygit2.Commit, parts: list[str]) -> pygit2.Object:
    """The plain file at a path. Nothing is followed: a symlink on the way is no folder."""
    entry: pygit2.Object = base.tree
    for number, part in enumerate(parts):
        folder = entry if isinstance(entry, pygit2.Tree) else None
        if folder is None or part not in folder:
            raise _no_file(base, parts, "nothing" if folder is not None else f"no folder {'/'.join(parts[:number])}")
        entry = folder[part]
    if entry.filemode not in REGULAR:
        raise _no_file(base, parts, KINDS.get(entry.filemode, "something else"))
    return entry


def _no_file(base: pygit2.Commit, parts: list[str], found: str) -> Stalled:
    return Stalled(
        Reason.UPDATE_REJECTED,
        f"{'/'.join(parts)}: expected a file in commit {str(base.id)[:12]}, found {found}",
        advice="put the document itself there, or set update: {via: none} in the workload",
    )


def _replaced(repository: pygit2.Repository, tree: pygit2.Tree, edits: Mapping[tuple[str, ...], Edit]) -> pygit2.Oid:
    builder = repository.TreeBuilder(tree)
    for name in {parts[0] for parts in edits}:
        below = {parts[1:]: edit for parts, edit in edits.items() if parts[0] == name}
        edit = below.get(())
        if edit is not None:
            builder.insert(name, edit.after, edit.mode)
        else:
            builder.insert(name, _replaced(repository, tree[name].peel(pygit2.Tree), below), FileMode.TREE)
    return builder.write()
