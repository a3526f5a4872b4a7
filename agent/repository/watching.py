"""Sees at once when a local repository's branch, or the files of a working tree, changed.

A branch is one file that git replaces, and Linux tells of it; a working tree is many, which watchfiles follows.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pygit2
from watchfiles import Change, watch

from agent.core.reasons import Reason
from agent.errors import Transient
from agent.repository.inotify import FolderChanges
from agent.repository.library import BROKEN

STEP = 25
TOGETHER = 50
LOOK_UP = 0.5
"""Seconds until `stop` is heard, at most."""


class _Stop:
    """A `stop()` function in the shape of a threading.Event."""

    def __init__(self, stop: Callable[[], bool]) -> None:
        self.is_set = stop


def common_folder(folder: Path) -> Path:
    """Where the refs of a repository lie: its git folder, or for a linked working tree that of the main one."""
    git_folder = Path(pygit2.Repository(str(folder)).path)
    common = git_folder / "commondir"
    return (git_folder / common.read_text(encoding="utf-8").strip()).resolve() if common.is_file() else git_folder


def watch_branch(folder: Path, branch: str, stop: Callable[[], bool]) -> Iterator[None]:
    """Yield whenever the branch may have moved."""
    try:
        heads = common_folder(folder) / "refs" / "heads"
    except BROKEN as error:
        raise Transient(Reason.REPOSITORY_UNREACHABLE, f"{folder} cannot be watched: {error}") from error
    if sys.platform != "linux":
        wanted = str(heads / branch)
        yield from watch_files(heads, lambda _, path: path == wanted, stop)
        return
    try:
        yield from _watch_ref(heads, branch, stop)
    except OSError as error:
        raise _unwatchable(heads, error) from error


def _watch_ref(heads: Path, branch: str, stop: Callable[[], bool]) -> Iterator[None]:
    """Yield after each change of one ref's file; folders on the way to it may come and go."""
    path = heads / branch
    folders = [one for one in path.parents if one.is_relative_to(heads)]
    before = _content(path)
    with FolderChanges() as changes:
        while not stop():
            for folder in folders:
                changes.add(folder)
            now = _content(path)
            if now != before:
                before = now
                yield None
            else:
                changes.wait(LOOK_UP)


def _content(path: Path) -> bytes | None:
    """What a ref's file says; None where git keeps the ref elsewhere, or there is none."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None


def _unwatchable(folder: Path, error: OSError) -> Transient:
    return Transient(
        Reason.REPOSITORY_UNREACHABLE,
        f"{folder} cannot be watched: {error}",
        advice="raise fs.inotify.max_user_watches, or rely on repo.interval",
    )


def watch_files(folder: Path, wanted: Callable[[Change, str], bool], stop: Callable[[], bool]) -> Iterator[None]:
    """Yield after each burst of changes below a folder; Transient where the system cannot watch it."""
    try:
        changes = watch(
            folder,
            watch_filter=wanted,
            stop_event=_Stop(stop),
            debounce=TOGETHER,
            step=STEP,
            rust_timeout=500,
            raise_interrupt=False,
            ignore_permission_denied=True,
        )
        for _ in changes:
            yield None
    except OSError as error:
        raise _unwatchable(folder, error) from error
