"""A branch that moves is seen at once, wherever git puts its ref; nothing else wakes anybody."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path
from typing import Self

import pygit2
import pytest

from agent.errors import Transient
from agent.repository import watching
from agent.repository.inotify import FolderChanges
from agent.repository.watching import watch_branch

FIRST, SECOND = b"1" * 40, b"2" * 40


class Watch:
    """Counts what a watch of one branch yields, in a thread of its own."""

    def __init__(self, folder: Path, branch: str) -> None:
        self.heads = Path(pygit2.init_repository(str(folder), bare=True).path) / "refs" / "heads"
        self.seen = 0
        self._told = threading.Condition()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(folder, branch))
        self._begun = threading.Event()

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._begun.wait(5)
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join(5)
        assert not self._thread.is_alive()

    def _run(self, folder: Path, branch: str) -> None:
        for _ in watch_branch(folder, branch, self._stop):
            with self._told:
                self.seen += 1
                self._told.notify_all()

    def _stop(self) -> bool:
        """Asked after the first look at the ref."""
        self._begun.set()
        return self._done.is_set()

    def put(self, branch: str, content: bytes) -> None:
        """As git does it: a lock file beside the ref, renamed over it."""
        path = self.heads / branch
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.with_name(f"{path.name}.lock")
        lock.write_bytes(content)
        lock.rename(path)

    def told(self, count: int, within: float = 5.0) -> bool:
        with self._told:
            return self._told.wait_for(lambda: self.seen >= count, within)


def test_each_move_of_the_branch_is_told_once_and_at_once(tmp_path):
    with Watch(tmp_path, "main") as watch:
        for number, content in enumerate((FIRST, SECOND, FIRST), 1):
            began = time.monotonic()
            watch.put("main", content)
            assert watch.told(number)
            assert time.monotonic() - began < 0.3
        assert watch.seen == 3


def test_another_branch_and_the_same_commit_again_tell_nothing(tmp_path):
    with Watch(tmp_path, "main") as watch:
        watch.put("main", FIRST)
        assert watch.told(1)
        watch.put("other", SECOND)
        watch.put("main", FIRST)
        assert not watch.told(2, within=0.3)


def test_a_branch_in_a_folder_is_seen_to_come_go_and_come_back(tmp_path):
    with Watch(tmp_path, "team/blue/main") as watch:
        watch.put("team/blue/main", FIRST)
        assert watch.told(1)
        (watch.heads / "team" / "blue" / "main").unlink()
        (watch.heads / "team" / "blue").rmdir()
        assert watch.told(2)
        watch.put("team/blue/main", SECOND)
        assert watch.told(3)


def test_a_system_that_has_no_watches_left_is_told_with_advice(tmp_path, monkeypatch):
    pygit2.init_repository(str(tmp_path), bare=True)

    def refuse(self: FolderChanges) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(FolderChanges, "__init__", refuse)
    with pytest.raises(Transient, match="Too many open files") as caught:
        next(watch_branch(tmp_path, "main", lambda: False))
    assert "max_user_watches" in caught.value.advice


def test_what_cannot_be_watched_is_an_error_unless_it_is_only_away(tmp_path):
    with FolderChanges() as changes:
        changes.add(tmp_path / "away")
        assert not changes.wait(0.01)
        with pytest.raises(OSError, match="name too long"):
            changes.add(tmp_path / ("x" * 300))


def test_other_systems_are_watched_by_watchfiles(tmp_path, monkeypatch):
    heads = Path(pygit2.init_repository(str(tmp_path), bare=True).path) / "refs" / "heads"
    asked = []

    def files(folder: Path, wanted: object, stop: object) -> list[None]:
        asked.append((folder, wanted(None, str(heads / "main")), wanted(None, str(heads / "other"))))
        return [None]

    monkeypatch.setattr(watching, "watch_files", files)
    monkeypatch.setattr(sys, "platform", "darwin")
    assert list(watch_branch(tmp_path, "main", lambda: False)) == [None]
    assert asked == [(heads, True, False)]
