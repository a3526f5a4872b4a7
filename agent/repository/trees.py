"""Builds the trees of notes and of the host branch in memory: blobs and trees are written, nothing is checked out."""

from __future__ import annotations

from collections.abc import Mapping

import pygit2
from pygit2.enums import FileMode


def subtree(tree: pygit2.Tree | None, name: str) -> pygit2.Tree | None:
    """The folder of that name, None where there is none."""
    if tree is None or name not in tree:
        return None
    entry = tree[name]
    return entry if isinstance(entry, pygit2.Tree) else None


def blob(tree: pygit2.Tree | None, name: str) -> bytes | None:
    """The content of a file directly in a tree, None where there is none."""
    if tree is None or name not in tree:
        return None
    entry = tree[name]
    return entry.data if isinstance(entry, pygit2.Blob) else None


def changed(
    repository: pygit2.Repository, tree: pygit2.Tree | None, entries: Mapping[str, pygit2.Oid | bytes | None]
) -> pygit2.Oid:
    """A tree with some entries replaced: a tree id, the content of a file, or None for none."""
    builder = repository.TreeBuilder(tree) if tree is not None else repository.TreeBuilder()
    for name, entry in entries.items():
        if entry is None:
            if builder.get(name) is not None:
                builder.remove(name)
        elif isinstance(entry, bytes):
            builder.insert(name, repository.create_blob(entry), FileMode.BLOB)
        else:
            builder.insert(name, entry, FileMode.TREE)
    return builder.write()


def read_note(tree: pygit2.Tree | None, commit: str) -> bytes | None:
    """The note on a commit, whatever fan-out whoever wrote it chose."""
    rest, folder = commit, tree
    while folder is not None:
        found = blob(folder, rest)
        if found is not None:
            return found
        head, rest = rest[:2], rest[2:]
        folder = subtree(folder, head) if rest else None
    return None


def with_note(repository: pygit2.Repository, tree: pygit2.Tree | None, commit: str, content: bytes) -> pygit2.Oid:
    """A notes tree with the note on a commit replaced, at one level of fan-out and nowhere else.

    Two notes on one commit would be shown joined, so one at another level is removed.
    """
    head, rest = commit[:2], commit[2:]
    folder = subtree(tree, head)
    deeper = subtree(folder, rest[:2])
    entries: dict[str, pygit2.Oid | bytes | None] = {rest: content}
    if deeper is not None and rest[2:] in deeper:
        entries[rest[:2]] = changed(repository, deeper, {rest[2:]: None})
    return changed(repository, tree, {commit: None, head: changed(repository, folder, entries)})
