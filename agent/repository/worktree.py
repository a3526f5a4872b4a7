"""The files of a local working tree, uncommitted and untracked ones included, for trying things out.

Ignored files and everything below `.git` are left out. A folder that is no git repository works too. The revision is
`worktree-` and a hash over all paths and contents, so that each change is a new revision.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pygit2
from watchfiles import Change

from agent.core.reasons import Reason
from agent.core.tree import Tree, TreeFile
from agent.errors import Stalled, Transient
from agent.ports import Fetched
from agent.repository.library import BROKEN, prepare
from agent.repository.objects import FOLDERS, SETTINGS, Objects, is_document, normal_parts, outside
from agent.repository.trailers import trailers_of
from agent.repository.watching import watch_files

PREFIX = "worktree-"


class WorkTree:
    """Implements `ports.Repository` on a folder; `root` is the configured path inside it."""

    def __init__(self, folder: Path, root: str = ".") -> None:
        prepare(60.0)
        self.path = folder.resolve()
        self._root = self.path.joinpath(*normal_parts(root))
        self._lock = threading.Lock()
        self._tree: Tree | None = None
        self._places: dict[str, Path] = {}
        self._known: dict[Path, tuple[tuple[int, int, int], TreeFile]] = {}

    def fetch(self) -> Fetched:
        """Look at the files again; only those whose time or size changed are read."""
        with self._lock:
            before = self._tree.revision if self._tree else None
            self._tree = self._look()
            return Fetched(revision=self._tree.revision, changed=self._tree.revision != before)

    def tree(self, revision: str | None = None) -> Tree:
        """The files as last looked at; an earlier revision cannot be had any more."""
        with self._lock:
            tree = self._tree or self._look()
        if revision is not None and revision != tree.revision:
            raise Transient(Reason.REPOSITORY_UNREACHABLE, f"the working tree has moved on from {revision}")
        return tree

    def read_blob(self, blob_id: str) -> bytes:
        """The content of a file last looked at; Transient when it has changed since."""
        with self._lock:
            place = self._places.get(blob_id)
        try:
            content = place.read_bytes() if place is not None else b""
        except OSError as error:
            raise Transient(Reason.REPOSITORY_UNREACHABLE, f"{place} cannot be read: {error}") from error
        if place is None or str(pygit2.hash(content)) != blob_id:
            raise Transient(Reason.REPOSITORY_UNREACHABLE, f"the file {place or blob_id} changed while it was read")
        return content

    def read_path(self, revision: str, path: str) -> bytes | None:  # noqa: ARG002 - there is only what is there now
        """One file as it is now; None where there is none. Stalled where it leads out of the configured path."""
        place = self._root.joinpath(*normal_parts(path)).resolve()
        if not place.is_relative_to(self._root.resolve()):
            raise outside(path)
        try:
            return place.read_bytes()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            return None
        except OSError as error:
            raise Stalled(Reason.FORBIDDEN_PATH, f"{place} cannot be read: {error}") from error

    def commit_trailers(self, revision: str) -> Mapping[str, tuple[str, ...]]:
        """Of a commit of the repository that the folder belongs to."""
        try:
            return trailers_of(Objects(self.path).message(revision))
        except BROKEN:
            return {}

    def look(self) -> Tree:
        """The files as they are this moment. The next fetch still tells what changed as news."""
        with self._lock:
            return self._look()

    def place(self, path: str) -> Path:
        """Where a file of the tree lies; Stalled where its path leads out or over a symlink."""
        parts = normal_parts(path)
        place = self._root.joinpath(*parts)
        if ".." in parts or place.resolve() != self._root.resolve().joinpath(*parts):
            raise outside(path)
        return place

    def watch(self, stop: Callable[[], bool]) -> Iterator[None]:
        """Yield whenever a file below the folder changed."""
        git_folder = str(self.path / ".git")

        def wanted(_: Change, path: str) -> bool:
            return path != git_folder and not path.startswith(f"{git_folder}/")

        yield from watch_files(self.path, wanted, stop)

    def close(self) -> None:
        """Nothing is held open."""

    def _look(self) -> Tree:
        if not self._root.is_dir():
            raise Transient(
                Reason.REPOSITORY_UNREACHABLE,
                f"expected a folder at {self._root}, found none",
                advice="check repo.url and repo.path",
            )
        ignored = self._ignored()
        known, self._known, self._places = self._known, {}, {}
        files = sorted(self._files(ignored, known), key=lambda file: file.path)
        whole = hashlib.sha256("".join(f"{one.path}\0{one.kind}\0{one.blob_id}\n" for one in files).encode())
        return Tree(
            revision=PREFIX + whole.hexdigest()[:12],
            files=tuple(files),
            message="uncommitted files",
            committed_at=max((stamp[0] // 10**9 for stamp, _ in self._known.values()), default=0),
        )

    def _ignored(self) -> Callable[[Path], bool]:
        """Whether git ignores a path; without a repository, nothing is ignored. A tracked file never is."""
        try:
            repository = pygit2.Repository(str(self.path))
            index = repository.index
        except BROKEN:
            return lambda _: False
        top = Path(repository.workdir or self.path).resolve()

        def ignored(path: Path) -> bool:
            inside = path.relative_to(top).as_posix()
            return inside not in index and repository.path_is_ignored(inside)

        return ignored

    def _files(
        self, ignored: Callable[[Path], bool], known: dict[Path, tuple[tuple[int, int, int], TreeFile]]
    ) -> Iterator[TreeFile]:
        for place in self._candidates():
            file = None if ignored(place) else self._file(place, known.get(place))
            if file is not None:
                yield file

    def _candidates(self) -> Iterator[Path]:
        """Everything that may be a document, symlinks not followed."""
        yield self._root / SETTINGS
        for name in FOLDERS:
            folder = self._root / name
            if folder.is_symlink():
                yield folder
                continue
            for place in folder.rglob("*"):
                if is_document(place.name) or place.is_symlink():
                    yield place

    def _file(self, place: Path, known: tuple[tuple[int, int, int], TreeFile] | None) -> TreeFile | None:
        try:
            if place.is_symlink():
                return self._link(place)
            status = place.stat()
            if not place.is_file():
                return None
            stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
            if known is None or known[0] != stamp:
                path = place.relative_to(self._root).as_posix()
                # In pieces: a file may be larger than the memory.
                known = (stamp, TreeFile(path=path, blob_id=str(pygit2.hashfile(str(place))), size=status.st_size))
        except (OSError, pygit2.GitError):
            return None  # it went away meanwhile; the watcher reports that too
        self._known[place] = known
        self._places[known[1].blob_id] = place
        return known[1]

    def _link(self, place: Path) -> TreeFile:
        target = str(place.readlink()).encode("utf-8", "surrogateescape")
        path = place.relative_to(self._root).as_posix()
        return TreeFile(path=path, blob_id=str(pygit2.hash(target)), size=0, kind="symlink")
