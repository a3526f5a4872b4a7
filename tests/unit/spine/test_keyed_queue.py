"""The queue runs a key once at a time, remembers one more run, and never loses a request."""

from __future__ import annotations

import threading
import time
from collections import Counter

import pytest
from fakes.clock import FakeClock
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from agent.keyed_queue import KeyedQueue

KEYS = st.sampled_from(["db", "shop", "mailer"])


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def queue(clock: FakeClock) -> KeyedQueue:
    return KeyedQueue(clock.monotonic)


def taken(queue: KeyedQueue) -> str | None:
    found = queue.take(timeout=0)
    return None if found is None else found[0]


def in_thread(target, *arguments) -> threading.Thread:
    thread = threading.Thread(target=target, args=arguments, daemon=True)
    thread.start()
    return thread


def waiting(queue: KeyedQueue, count: int) -> None:
    """Until so many threads wait for the queue to change."""
    deadline = time.monotonic() + 5
    while len(queue._changed._waiters) < count:
        assert time.monotonic() < deadline, "the threads do not come to wait"
        time.sleep(0.002)


def test_keys_are_taken_in_the_order_in_which_they_were_first_asked_for(queue, clock):
    queue.add("db")
    clock.advance(1)
    queue.add("shop")
    clock.advance(1)
    queue.add("db")
    assert queue.take(timeout=0) == ("db", 2.0)
    assert queue.take(timeout=0) == ("shop", 1.0)
    assert taken(queue) is None


def test_a_request_by_what_was_seen_earlier_never_makes_a_newer_one_older(queue, clock):
    clock.advance(10)
    queue.add("db", since=4.0)
    queue.add("shop", since=4.0)
    queue.add("shop")
    queue.add("shop", since=4.0)
    assert queue.take(timeout=0) == ("db", 4.0)
    assert queue.take(timeout=0) == ("shop", 10.0)
    queue.add("db")
    queue.add("db", since=4.0)
    queue.done("db")
    assert queue.take(timeout=0) == ("db", 10.0)


def test_a_key_that_runs_is_not_given_to_a_second_worker(queue):
    queue.add("db")
    assert taken(queue) == "db"
    queue.add("db")
    assert taken(queue) is None


def test_many_requests_while_a_key_runs_become_one_more_run_with_the_newest_time(queue, clock):
    queue.add("db")
    taken(queue)
    for _ in range(3):
        clock.advance(1)
        queue.add("db")
    assert queue.pending("db")
    queue.done("db")
    assert not queue.pending("db")
    assert queue.take(timeout=0) == ("db", 3.0)
    queue.done("db")
    assert taken(queue) is None


def test_a_delayed_key_comes_when_it_is_due_and_not_before(queue, clock):
    queue.add("db", delay=5)
    clock.advance(4.9)
    assert taken(queue) is None
    clock.advance(0.2)
    assert taken(queue) == "db"


def test_the_earliest_of_several_delays_wins_and_the_key_runs_once(queue, clock):
    queue.add("db", delay=30)
    queue.add("db", delay=5)
    queue.add("db", delay=60)
    clock.advance(6)
    assert taken(queue) == "db"
    queue.done("db")
    clock.advance(100)
    assert taken(queue) is None


def test_a_delayed_key_that_becomes_due_while_it_runs_runs_once_more(queue, clock):
    queue.add("db", delay=5)
    queue.add("db")
    taken(queue)
    clock.advance(6)
    assert taken(queue) is None
    queue.done("db")
    assert taken(queue) == "db"


def test_a_delayed_key_does_not_keep_the_queue_from_being_idle_until_it_is_due(queue, clock):
    queue.add("db", delay=5)
    assert queue.idle()
    assert queue.depth() == 0
    clock.advance(6)
    assert not queue.idle()
    assert queue.depth() == 1


def test_what_runs_keeps_the_queue_from_being_idle(queue):
    queue.add("db")
    taken(queue)
    assert not queue.idle()
    assert not queue.wait_idle(0)
    queue.done("db")
    assert queue.idle()
    assert queue.wait_idle(0)


def test_waiting_for_idleness_ends_with_the_last_run():
    queue = KeyedQueue()
    queue.add("db")
    queue.take()
    threading.Timer(0.05, queue.done, ["db"]).start()
    assert queue.wait_idle(5)


def test_a_worker_that_waits_is_woken_by_a_key():
    queue = KeyedQueue()
    found = []
    worker = in_thread(lambda: found.append(queue.take()))
    waiting(queue, 1)
    queue.add("db")
    worker.join(5)
    assert found[0][0] == "db"


def test_a_worker_is_woken_also_when_somebody_else_waits_for_idleness():
    """Both wait for a change of the queue; waking only one of them would lose the key."""
    queue = KeyedQueue()
    queue.add("slow")
    queue.take()
    in_thread(queue.wait_idle, 10)
    waiting(queue, 1)
    found = []
    worker = in_thread(lambda: found.append(queue.take()))
    waiting(queue, 2)
    queue.add("db")
    worker.join(5)
    queue.done("slow")
    assert found
    assert found[0][0] == "db"


def test_a_worker_that_waits_for_nothing_learns_of_a_delayed_key():
    queue = KeyedQueue()
    found = []
    worker = in_thread(lambda: found.append(queue.take()))
    waiting(queue, 1)
    queue.add("db", delay=0.05)
    worker.join(5)
    assert found[0][0] == "db"


def test_take_gives_up_after_its_timeout():
    queue = KeyedQueue()
    before = time.monotonic()
    assert queue.take(timeout=0.05) is None
    assert 0.04 < time.monotonic() - before < 5


def test_closing_wakes_every_worker_and_keeps_what_waits_from_starting():
    queue = KeyedQueue()
    found = []
    workers = [in_thread(lambda: found.append(queue.take())) for _ in range(3)]
    waiting(queue, 3)
    queue.close()
    for worker in workers:
        worker.join(5)
    assert found == [None, None, None]
    queue.add("db")
    assert queue.take(timeout=1) is None


def test_four_workers_never_run_one_key_twice_at_once_and_lose_no_request():
    queue = KeyedQueue()
    lock = threading.Lock()
    running: set[str] = set()
    overlaps: list[str] = []
    last_seen: dict[str, float] = {}
    runs: Counter[str] = Counter()

    def work() -> None:
        while (found := queue.take()) is not None:
            key, requested = found
            with lock:
                overlaps.extend(running & {key})
                running.add(key)
                last_seen[key] = max(requested, last_seen.get(key, 0))
                runs[key] += 1
            time.sleep(0.0005)
            with lock:
                running.discard(key)
            queue.done(key)

    workers = [in_thread(work) for _ in range(4)]
    asked: dict[str, float] = {}
    for number in range(600):
        key = f"w{number % 5}"
        asked[key] = time.monotonic()
        queue.add(key, delay=0.001 if number % 7 == 0 else 0.0)
    time.sleep(0.01)
    assert queue.wait_idle(20)
    queue.close()
    for worker in workers:
        worker.join(5)
    assert overlaps == []
    assert all(last_seen[key] >= moment for key, moment in asked.items())
    assert sum(runs.values()) < 600, "requests for a key that waits or runs are put together"


class QueueMachine(RuleBasedStateMachine):
    """Against the plainest model there is: what is ready, what runs, what runs again, what is due when."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.queue = KeyedQueue(self.clock.monotonic)
        self.ready: dict[str, float] = {}
        self.running: set[str] = set()
        self.again: dict[str, float] = {}
        self.due: dict[str, float] = {}

    def settle(self) -> None:
        for key, moment in sorted(self.due.items(), key=lambda one: one[::-1]):
            if moment <= self.clock.monotonic():
                del self.due[key]
                (self.again if key in self.running else self.ready)[key] = self.clock.monotonic()

    @rule(key=KEYS)
    def add(self, key: str) -> None:
        self.queue.add(key)
        (self.again if key in self.running else self.ready)[key] = self.clock.monotonic()

    @rule(key=KEYS, delay=st.integers(1, 20))
    def add_later(self, key: str, delay: int) -> None:
        self.queue.add(key, float(delay))
        moment = self.clock.monotonic() + delay
        self.due[key] = min(moment, self.due.get(key, moment))

    @rule(seconds=st.integers(1, 15))
    def pass_time(self, seconds: int) -> None:
        self.clock.advance(float(seconds))

    @rule()
    def take(self) -> None:
        self.settle()
        found = self.queue.take(timeout=0)
        if not self.ready:
            assert found is None
            return
        assert found is not None
        assert found == (next(iter(self.ready)), self.ready.pop(found[0]))
        assert found[0] not in self.running
        self.running.add(found[0])

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def done(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.running)))
        self.queue.done(key)
        self.running.remove(key)
        if key in self.again:
            self.ready[key] = self.again.pop(key)

    @invariant()
    def knows_what_runs_again(self) -> None:
        for key in ("db", "shop", "mailer"):
            if key not in self.due:
                assert self.queue.pending(key) == (key in self.again)


TestQueueMachine = QueueMachine.TestCase
TestQueueMachine.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
