"""Whether a mirror on disk is whole, and what a killed process may have left in it."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Set as AbstractSet
from pathlib import Path

import pygit2
from pygit2.enums import FileMode

from agent.repository.library import BROKEN
from agent.repository.urls import redact


def intact(mirror: Path, histories: AbstractSet[str]) -> bool:
    """Whether all that the newest commit of each ref holds can be read, and the named histories can be walked.

    It reads a lot, so it is asked only at the start and after a failure.
    """
    try:
        if not (mirror / "HEAD").read_bytes().startswith(b"ref: refs/"):
            return False
        repository = pygit2.Repository(str(mirror))
        files = (file for file in mirror.glob("refs/**/*") if file.is_file())
        for name in {*repository.references, *(file.relative_to(mirror).as_posix() for file in files)}:
            tip = repository.references[name].peel(pygit2.Commit)
            if name in histories:
                for _ in repository.walk(tip.id):
                    pass
            read_everything(tip.tree)
    except BROKEN:
        return False
    return True


def origin_of(url: str) -> str:
    """Tells one remote from another without storing its address, which may hold a login."""
    return hashlib.sha256(redact(url).encode()).hexdigest()


def remove_locks(folder: Path) -> None:
    """Remove what a killed process left: only this agent writes here, and it has just started."""
    leftovers = [*folder.glob("*.lock"), *folder.glob("refs/**/*.lock"), *folder.glob("objects/**/tmp_*")]
    for leftover in [*leftovers, *folder.glob("objects/pack/*.lock")]:
        leftover.unlink(missing_ok=True)
    for folder_left in folder.glob("compacting-*"):
        shutil.rmtree(folder_left, ignore_errors=True)


def read_everything(tree: pygit2.Tree) -> None:
    """Read every file below a tree; raises where one cannot be read."""
    for entry in tree:
        if entry.filemode == FileMode.TREE:
            read_everything(entry.peel(pygit2.Tree))
        elif entry.filemode != FileMode.COMMIT:
            entry.read_raw()
