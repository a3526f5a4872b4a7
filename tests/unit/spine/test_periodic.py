"""A periodic thread calls at its interval or when woken, outlives bugs, and ends when asked."""

from __future__ import annotations

import threading
import time

import pytest

from agent.periodic import Periodic

LONG = 3600.0


class Worker:
    """Counts its calls; `hold` keeps a call from ending."""

    def __init__(self) -> None:
        self.calls = 0
        self.hold = threading.Event()
        self.hold.set()
        self.errors: list[Exception] = []
        self.failed: list[tuple[str, str]] = []
        self.changed = threading.Condition()

    def __call__(self) -> None:
        with self.changed:
            self.calls += 1
            self.changed.notify_all()
        self.hold.wait(10)
        if self.errors:
            raise self.errors.pop(0)

    def report(self, name: str, error: Exception) -> None:
        with self.changed:
            self.failed.append((name, str(error)))
            self.changed.notify_all()

    def until(self, calls: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: self.calls >= calls, 5), f"{self.calls} calls, expected {calls}"


@pytest.fixture
def worker():
    return Worker()


@pytest.fixture
def periodic(worker):
    made = Periodic("flush", worker, lambda: LONG, worker.report)
    yield made
    worker.hold.set()
    made.stop(5)


def test_the_first_call_waits_for_the_first_interval(worker, periodic):
    periodic.start()
    time.sleep(0.05)
    assert worker.calls == 0


def test_it_is_called_at_each_interval_which_is_asked_for_anew(worker):
    intervals = iter([0.001, 0.001, 0.001])
    made = Periodic("flush", worker, lambda: next(intervals, LONG), worker.report)
    made.start()
    worker.until(3)
    time.sleep(0.05)
    assert made.stop(5)
    assert worker.calls == 3


def test_waking_calls_at_once(worker, periodic):
    periodic.start()
    periodic.wake()
    worker.until(1)


def test_waking_it_often_while_it_runs_causes_exactly_one_more_call(worker, periodic):
    worker.hold.clear()
    periodic.start()
    periodic.wake()
    worker.until(1)
    for _ in range(5):
        periodic.wake()
    worker.hold.set()
    worker.until(2)
    time.sleep(0.05)
    assert worker.calls == 2


def test_a_bug_is_reported_and_the_next_call_comes(worker, periodic):
    worker.errors = [ValueError("a bug")]
    periodic.start()
    periodic.wake()
    with worker.changed:
        assert worker.changed.wait_for(lambda: worker.failed, 5)
    assert worker.failed == [("flush", "a bug")]
    periodic.wake()
    worker.until(2)


def test_stopping_ends_the_thread_without_another_call(worker, periodic):
    periodic.start()
    assert periodic.stop(5)
    assert worker.calls == 0


def test_stopping_does_not_wait_longer_than_asked_for_a_call_that_hangs(worker, periodic):
    worker.hold.clear()
    periodic.start()
    periodic.wake()
    worker.until(1)
    before = time.monotonic()
    assert not periodic.stop(0.05)
    assert time.monotonic() - before < 2
    worker.hold.set()
    assert periodic.stop(5)


def test_stopping_what_never_started_is_harmless(periodic):
    assert periodic.stop(0)
