"""Sees at once when a local repository's branch, or the files of a working tree, changed; through watchfiles."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pygit2
from watchfiles import Change, watch

from agent.core.reasons import Reason
from agent.errors import Transient
from agent.repository.library import BROKEN

STEP = 25
"""Milliseconds between two looks for changes: what an idle agent spends most on, and what a commit waits at most."""
TOGETHER = 50


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
    wanted = str(heads / branch)
    yield from watch_files(heads, lambda _, path: path == wanted, stop)


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
        raise Transient(
            Reason.REPOSITORY_UNREACHABLE,
            f"{folder} cannot be watched: {error}",
            advice="raise fs.inotify.max_user_watches, or rely on repo.interval",
        ) from error
