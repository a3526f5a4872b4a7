"""The documents of one tree, read through two caches keyed by content: a commit that touches one file parses one file.

Which files are read is said here; everything else of a repository is read only when a document names it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from agent.core.flaws import yaml_flaw
from agent.core.locate import Locator
from agent.core.parsed import Document, ParsedFile, from_bytes, parse_file, to_bytes
from agent.core.problems import Position
from agent.core.schemas import Schemas
from agent.core.tree import MAX_BYTES, ReadBlob, TooLarge, Tree, TreeFile
from agent.core.yaml_reader import SPLIT

SETTINGS_PATH = "settings.yaml"
FOLDERS = ("workloads/", "triggers/", "registries/", "log-rules/", "event-triggers/")
_ENDINGS = (".yaml", ".yml")


class DocumentCache(Protocol):
    """Keeps parsed files between runs; the journal does."""

    def cached_documents(self, blob_ids: Iterable[str]) -> Mapping[str, bytes]: ...

    def cache_documents(self, parsed: Mapping[str, bytes]) -> None: ...


@dataclass(slots=True)
class LoadedFile:
    """One file and what it says. The same object comes back from load to load as long as the file is the same."""

    file: TreeFile
    parsed: ParsedFile
    _read_blob: ReadBlob
    _locator: Locator | None = field(default=None)

    @property
    def path(self) -> str:
        return self.file.path

    def position(self, document: Document, pointer: str = "") -> Position:
        """Where in the file the pointer leads."""
        if not pointer:
            return Position(self.path, document.line, document.column)
        if (place := document.place(pointer[1:])) is not None:
            return Position(self.path, place[0], place[1])
        if self._locator is None:
            self._locator = Locator(self._read_blob(self.file.blob_id), len(self.parsed.documents))
        line, column = self._locator.place(document.number, pointer) or (document.line, document.column)
        return Position(self.path, line, column)


@dataclass(frozen=True, slots=True)
class LoadedTree:
    """All files of one commit that hold documents, in order of their paths."""

    tree: Tree
    files: tuple[LoadedFile, ...]

    @property
    def documents(self) -> Iterator[Document]:
        """All documents, in order."""
        for file in self.files:
            yield from file.parsed.documents


def holds_documents(path: str) -> bool:
    """Whether a file is read for documents."""
    return path == SETTINGS_PATH or (path.startswith(FOLDERS) and path.endswith(_ENDINGS))


def _wanted(file: TreeFile) -> bool:
    """Whether a file is read, or stands where documents could be and is told about.

    A submodule hides all documents below it; so does a link in the place of one of the folders.
    """
    place = f"{file.path}/"
    in_place = place in FOLDERS if file.kind == "symlink" else file.kind == "submodule" and place.startswith(FOLDERS)
    return in_place or holds_documents(file.path)


class DocumentLoader:
    """Reads trees, remembering the newest. `parsed_files` counts the files that were really parsed."""

    def __init__(self, schemas: Schemas, cache: DocumentCache | None = None) -> None:
        self._schemas = schemas
        self._cache = cache
        self._newest: dict[str, LoadedFile] = {}
        self.parsed_files = 0

    def load(self, tree: Tree, read_blob: ReadBlob) -> LoadedTree:
        """The documents of a tree. Whatever a file holds becomes a flaw; only `read_blob` and the cache may raise."""
        known = self._newest
        wanted = sorted((file for file in tree.files if _wanted(file)), key=lambda file: file.path)
        fresh = [file for file in wanted if (old := known.get(file.path)) is None or old.file != file]
        parsed = self._parse(fresh, read_blob)
        loaded = {
            file.path: LoadedFile(file, parsed[file.path], read_blob) if file.path in parsed else known[file.path]
            for file in wanted
        }
        self._newest = loaded
        return LoadedTree(tree, tuple(loaded.values()))

    def _parse(self, files: list[TreeFile], read_blob: ReadBlob) -> dict[str, ParsedFile]:
        """What each file says, by path."""
        refused = {file.path: refusal for file in files if (refusal := _refusal(file)) is not None}
        readable = [file for file in files if file.path not in refused]
        by_blob = {one.file.blob_id: one.parsed for one in self._newest.values() if _refusal(one.file) is None}
        by_blob |= self._kept({file.blob_id for file in readable} - by_blob.keys())
        made: dict[str, bytes] = {}
        for blob_id in dict.fromkeys(file.blob_id for file in readable):
            if blob_id not in by_blob:
                by_blob[blob_id] = self._read(blob_id, read_blob)
                made[self._key(blob_id)] = to_bytes(by_blob[blob_id])
        self.parsed_files += len(made)
        if made and self._cache is not None:
            self._cache.cache_documents(made)
        return refused | {file.path: by_blob[file.blob_id] for file in readable}

    def _read(self, blob_id: str, read_blob: ReadBlob) -> ParsedFile:
        try:
            return parse_file(read_blob(blob_id), self._schemas)
        except TooLarge as error:
            return _too_large(error.size)

    def _key(self, blob_id: str) -> str:
        return f"{self._schemas.version}.{blob_id}"

    def _kept(self, blob_ids: set[str]) -> dict[str, ParsedFile]:
        """What the lasting cache knows, by blob id; what is damaged there is left out."""
        if self._cache is None or not blob_ids:
            return {}
        kept = self._cache.cached_documents([self._key(blob_id) for blob_id in blob_ids])
        parsed = zip(kept, from_bytes(list(kept.values())), strict=True)
        return {key.rpartition(".")[2]: one for key, one in parsed if one is not None}


def _refusal(file: TreeFile) -> ParsedFile | None:
    """Why a file is not read at all."""
    if file.kind == "symlink":
        found, fix = "a symbolic link", "commit the file itself in its place"
        return ParsedFile(stop=yaml_flaw((1, 1), "Symlink", "a regular file", found, fix))
    if file.kind != "file":
        found, fix = f"a {file.kind}", "commit the files themselves"
        return ParsedFile(stop=yaml_flaw((1, 1), "NotAFile", "a regular file", found, fix))
    return _too_large(file.size) if file.size is not None and file.size > MAX_BYTES else None


def _too_large(size: int) -> ParsedFile:
    return ParsedFile(stop=yaml_flaw((1, 1), "FileTooLarge", "a file of at most 1 MiB", f"{size} bytes", SPLIT))
