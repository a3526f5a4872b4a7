"""The files of one commit, or of a working tree, as the repository hands them to the core."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

ReadBlob = Callable[[str], bytes]
"""Gives the content of a blob id; raises TooLarge for one that no document can be."""

MAX_BYTES = 1024 * 1024
"""How large a file of documents may be."""


class TooLarge(Exception):
    """A blob that is not read because of its size, in bytes."""

    def __init__(self, size: int) -> None:
        super().__init__(f"{size} bytes")
        self.size = size


class TreeFile(NamedTuple):
    """One entry below the configured path. `path` is relative to it, with `/`; `size` is in bytes, None where
    it is asked for only when the file is read.

    `kind` is file, symlink or submodule. `blob_id` is the git blob id, also for files of a working tree, so that a
    cache keyed by it serves both.
    """

    path: str
    blob_id: str
    size: int | None
    kind: str = "file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """One consistent set of files. `revision` is the commit id (40 hex), or `worktree-` and a hash of loose files.

    `message` is the whole commit message. `missing` says why there are no files where the branch or the path does not
    exist; then `files` is empty.
    """

    revision: str
    files: tuple[TreeFile, ...] = ()
    message: str = ""
    committed_at: int = 0
    missing: str = ""
