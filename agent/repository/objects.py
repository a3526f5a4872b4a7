"""Reads commits, trees and blobs straight from the object database, below one path, without a checkout.

Only what may hold documents is listed. Symlinks and submodules are listed as such and never followed there; a file
that a document names may be behind a symlink, as long as that stays below the path. Safe from any thread.
"""

from __future__ import annotations

import re
import threading
from itertools import islice
from pathlib import Path

import pygit2
from pygit2.enums import FileMode, ObjectType, SortMode

from agent.core.reasons import Reason
from agent.core.tree import MAX_BYTES, TooLarge, Tree, TreeFile
from agent.errors import Stalled

SETTINGS = "settings.yaml"
FOLDERS = ("workloads", "triggers", "registries", "log-rules", "event-triggers")
DOCUMENT_ENDINGS = (".yaml", ".yml")
LFS_HEAD = b"version https://git-lfs.github.com/spec/"
MAX_LINKS = 40
MAX_MESSAGES = 1000
_COMMIT = re.compile(r"[0-9a-f]{40}")


def normal_parts(path: str) -> list[str]:
    """The parts of a relative path; Stalled where it is absolute."""
    if path.startswith("/"):
        raise Stalled(
            Reason.FORBIDDEN_PATH,
            f"expected a path relative to the config repository, found {path}",
            advice="write it relative to the folder that repo.path names",
        )
    return [part for part in path.split("/") if part not in {"", "."}]


def outside(path: str) -> Stalled:
    return Stalled(
        Reason.FORBIDDEN_PATH,
        f"{path} leads out of the config repository",
        advice="name a file below the folder that repo.path names",
    )


def is_document(name: str) -> bool:
    return name.endswith(DOCUMENT_ENDINGS)


class Objects:
    """One repository on disk, seen below `root`."""

    def __init__(self, path: Path, root: str = ".") -> None:
        self._repository = pygit2.Repository(str(path))
        self._root = "/".join(normal_parts(root))
        self._lock = threading.Lock()
        self._folders: dict[tuple[str, pygit2.Oid], tuple[TreeFile, ...]] = {}
        self._files: dict[str, dict[tuple[bytes | None, pygit2.Oid], TreeFile]] = {}
        self._last: Tree | None = None

    def resolve(self, names: tuple[str, ...]) -> str | None:
        """The commit id of the first of the names (refs, commit ids) that exists."""
        with self._lock:
            for name in names:
                try:
                    found = self._repository.revparse_single(name).peel(pygit2.Commit)
                except (KeyError, ValueError, pygit2.InvalidSpecError):
                    continue
                return str(found.id)
        return None

    def tip(self, ref: str) -> str | None:
        """The commit id of a ref; None where there is no such ref. Raises where its commit cannot be read."""
        with self._lock:
            try:
                reference = self._repository.lookup_reference(ref)
            except KeyError:
                return None
            return str(reference.peel(pygit2.Commit).id)

    def messages(self, since: str | None, tip: str) -> tuple[str, ...]:
        """Messages of the commits that `tip` has and `since` has not, newest first; of `tip` alone without `since`."""
        with self._lock:
            walker = self._repository.walk(pygit2.Oid(hex=tip), SortMode.TOPOLOGICAL)
            if since is not None:
                walker.hide(pygit2.Oid(hex=since))
            return tuple(commit.message for commit in islice(walker, 1 if since is None else MAX_MESSAGES))

    def message(self, commit: str) -> str:
        """The message of a commit; empty where there is none. Senders of webhooks choose what is asked for here."""
        found = self.resolve((commit,)) if _COMMIT.fullmatch(commit) else None
        with self._lock:
            return self._commit(found).message if found is not None else ""

    def tree(self, revision: str) -> Tree:
        """The documents' files at a commit id; the same object again for the same commit."""
        with self._lock:
            if self._last is None or self._last.revision != revision:
                self._last = self._list(self._commit(revision))
            return self._last

    def read_blob(self, blob_id: str) -> bytes:
        """The content; raises TooLarge, without reading it, for what no document can be."""
        with self._lock:
            found = pygit2.Oid(hex=blob_id)
            _, size = self._repository.odb.read_header(found)
            if size > MAX_BYTES:
                raise TooLarge(size)
            return self._repository[found].read_raw()

    def read_path(self, revision: str, path: str) -> bytes | None:
        """The content of one file; None where there is none. Stalled where the path leads out, or to an LFS pointer."""
        with self._lock:
            top = self._top(self._commit(revision))
            entry = self._find(top, path) if top is not None else None
            if entry is None or entry.type != ObjectType.BLOB:
                return None
            content = entry.read_raw()
        if content.startswith(LFS_HEAD):
            raise Stalled(
                Reason.FORBIDDEN_PATH,
                f"expected the content of {path}, found a Git LFS pointer",
                advice="store the file in git itself: Pierhead reads git objects only",
            )
        return content

    def _commit(self, revision: str) -> pygit2.Commit:
        return self._repository[pygit2.Oid(hex=revision)].peel(pygit2.Commit)

    def _top(self, commit: pygit2.Commit) -> pygit2.Tree | None:
        if not self._root:
            return commit.tree
        try:
            entry = commit.tree[self._root]
        except KeyError:
            return None
        return entry if isinstance(entry, pygit2.Tree) else None

    def _list(self, commit: pygit2.Commit) -> Tree:
        top = self._top(commit)
        files: list[TreeFile] = []
        kept: dict[tuple[str, pygit2.Oid], tuple[TreeFile, ...]] = {}
        for entry in top if top is not None else ():
            if entry.name == SETTINGS or (entry.name in FOLDERS and entry.filemode != FileMode.TREE):
                file = self._entry(entry, "", entry.filemode)
                files.extend([file] if file is not None else [])
            elif entry.name in FOLDERS:
                files.extend(self._folder(entry, f"{entry.name}/", kept))
        self._folders = kept
        return Tree(
            revision=str(commit.id),
            files=tuple(sorted(files, key=lambda file: file.path)),
            message=commit.message,
            committed_at=commit.commit_time,
            missing="" if top is not None else f"the folder {self._root} is not in commit {str(commit.id)[:12]}",
        )

    def _folder(
        self, folder: pygit2.Object, prefix: str, kept: dict[tuple[str, pygit2.Oid], tuple[TreeFile, ...]]
    ) -> tuple[TreeFile, ...]:
        """All files below a folder; one that has not changed since the last listing is not read again."""
        key = (prefix, folder.id)
        known = self._folders.get(key)
        if known is None:
            known = tuple(self._listed(folder.peel(pygit2.Tree), prefix, kept))
        kept[key] = known
        return known

    def _listed(
        self, folder: pygit2.Tree, prefix: str, kept: dict[tuple[str, pygit2.Oid], tuple[TreeFile, ...]]
    ) -> list[TreeFile]:
        """A folder's files, read anew; an entry that was there with this name and content is the same file."""
        before, now = self._files.get(prefix, {}), {}
        files: list[TreeFile] = []
        for entry in folder:
            key = (entry.raw_name, entry.id)
            file = before.get(key)
            if file is None:
                mode = entry.filemode
                if mode == FileMode.TREE:
                    files.extend(self._folder(entry, f"{prefix}{_name(entry)}/", kept))
                    continue
                file = self._entry(entry, prefix, mode)
                if file is None:
                    continue
            now[key] = file
            files.append(file)
        self._files[prefix] = now
        return files

    def _entry(self, entry: pygit2.Object, prefix: str, mode: FileMode) -> TreeFile | None:
        path = f"{prefix}{_name(entry)}"
        if mode == FileMode.COMMIT:
            return TreeFile(path=path, blob_id=str(entry.id), size=0, kind="submodule")
        if mode == FileMode.LINK:
            return TreeFile(path=path, blob_id=str(entry.id), size=0, kind="symlink")
        if not is_document(path):
            return None
        return TreeFile(path=path, blob_id=str(entry.id), size=None)

    def _find(self, top: pygit2.Tree, path: str) -> pygit2.Object | None:
        """Walk to an entry part by part, so that every symlink on the way is seen."""
        parts, links = normal_parts(path), 0
        trees: list[pygit2.Object] = [top]
        while parts:
            part = parts.pop(0)
            if part == "..":
                if len(trees) == 1:
                    raise outside(path)
                trees.pop()
                continue
            folder = trees[-1]
            if not isinstance(folder, pygit2.Tree) or part not in folder:
                return None
            entry = folder[part]
            if entry.filemode == FileMode.LINK:
                links += 1
                target = entry.read_raw().decode("utf-8", "surrogateescape")
                if links > MAX_LINKS or target.startswith("/"):
                    raise outside(path)
                parts = [*normal_parts(target), *parts]
            elif entry.filemode == FileMode.COMMIT:
                return None
            else:
                trees.append(entry)
        return trees[-1]


def _name(entry: pygit2.Object) -> str:
    """The name as text; bytes that are not UTF-8 are shown escaped, for the file is found by its blob id."""
    return (entry.raw_name or b"").decode("utf-8", "backslashreplace")
