"""A container is unhealthy after so many failures in a row, well again after one success; only changes are told."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable

import pytest

from agent.clock import SystemClock
from agent.core.model import HealthCheck
from agent.monitor import Monitor, Target

CHECK = HealthCheck(http="/", port=80, interval=0.01, retries=3)
TARGET = Target(workload_id="shop", container_id="c1", address="10.0.0.2", healthcheck=CHECK)


class Room:
    """A monitor whose probes are answered by `answers` and counted by address."""

    def __init__(self) -> None:
        self.answers: dict[str, str | None] = {}
        self.asked: dict[str, list[float]] = {}
        self.told: list[tuple[str, dict[str, str]]] = []
        self.changed = threading.Condition()
        self.during = threading.Event()
        self.during.set()
        self.bug: Exception | None = None
        self.monitor = Monitor(self.probe, self.tell, SystemClock())

    def probe(self, address: str, check: HealthCheck, abandoned: Callable[[], bool]) -> str | None:
        with self.changed:
            self.asked.setdefault(address, []).append(time.monotonic())
            self.changed.notify_all()
            bug, self.bug = self.bug, None
        self.during.wait(5)
        if bug is not None:
            raise bug
        return self.answers.get(address)

    def tell(self, workload_id: str) -> None:
        with self.changed:
            self.told.append((workload_id, dict(self.monitor.unhealthy())))
            self.changed.notify_all()

    def count(self, address: str = "10.0.0.2") -> int:
        return len(self.asked.get(address, ()))

    def until(self, true, what: str) -> None:
        with self.changed:
            assert self.changed.wait_for(true, 5), what


@pytest.fixture
def room():
    made = Room()
    made.monitor.start()
    yield made
    made.during.set()
    made.monitor.stop()


def test_a_container_is_asked_again_and_again(room):
    room.monitor.follow("shop", [TARGET])
    room.until(lambda: room.count() >= 4, "it is not asked four times")
    assert room.told == []


def test_it_is_unhealthy_after_as_many_failures_as_retries_and_told_once(room):
    room.answers["10.0.0.2"] = "GET / answered 500"
    room.monitor.follow("shop", [TARGET])
    room.until(lambda: room.told, "nobody was told")
    assert room.told[0] == ("shop", {"c1": "3 checks in a row failed: GET / answered 500"})
    seen = room.count()
    room.until(lambda: room.count() >= seen + 4, "it is not asked any more")
    assert len(room.told) == 1


def test_fewer_failures_than_retries_are_nothing_and_a_success_starts_the_count_anew(room):
    seen: list[int] = []

    def answer(address: str, check: HealthCheck, abandoned: Callable[[], bool]) -> str | None:
        seen.append(len(seen))
        room.probe(address, check, abandoned)
        return None if len(seen) % 3 == 0 else "refused"

    monitor = Monitor(answer, room.tell, SystemClock())
    monitor.start()
    monitor.follow("shop", [TARGET])
    room.until(lambda: room.count() >= 12, "it is not asked often enough")
    monitor.stop()
    assert room.told == []
    assert monitor.unhealthy() == {}


def test_one_success_makes_it_well_again(room):
    room.answers["10.0.0.2"] = "refused"
    room.monitor.follow("shop", [TARGET])
    room.until(lambda: len(room.told) == 1, "it does not become unhealthy")
    room.answers["10.0.0.2"] = None
    room.until(lambda: len(room.told) == 2, "it does not become well")
    assert room.told[1] == ("shop", {})


def test_what_is_not_followed_any_more_is_neither_asked_nor_unhealthy(room):
    room.answers["10.0.0.2"] = "refused"
    room.monitor.follow("shop", [TARGET])
    room.until(lambda: room.told, "it does not become unhealthy")
    room.monitor.follow("shop", [])
    assert room.monitor.unhealthy() == {}
    time.sleep(0.05)
    seen = room.count()
    time.sleep(0.1)
    assert room.count() == seen


def test_following_one_workload_leaves_the_containers_of_another(room):
    other = dataclasses.replace(TARGET, workload_id="db", container_id="c2", address="10.0.0.3")
    room.monitor.follow("db", [other])
    room.monitor.follow("shop", [TARGET])
    room.monitor.follow("shop", [])
    seen = room.count("10.0.0.3")
    room.until(lambda: room.count("10.0.0.3") >= seen + 3, "the other one is not asked any more")


def test_a_container_with_a_new_address_is_asked_there_and_its_count_starts_anew(room):
    room.answers["10.0.0.2"] = "refused"
    room.monitor.follow("shop", [TARGET])
    room.until(lambda: room.told, "it does not become unhealthy")
    room.monitor.follow("shop", [dataclasses.replace(TARGET, address="10.0.0.9")])
    assert room.monitor.unhealthy() == {}
    room.until(lambda: room.count("10.0.0.9") >= 2, "the new address is not asked")


def test_a_container_that_is_forgotten_and_followed_again_is_asked_no_more_often_than_its_interval(room):
    """Each deploy forgets and follows anew; the checks of before must not go on beside those of now."""
    check = dataclasses.replace(CHECK, interval=0.05)
    for number in range(20):
        room.monitor.follow("shop", [dataclasses.replace(TARGET, healthcheck=check, address=f"10.0.1.{number}")])
    last = dataclasses.replace(TARGET, healthcheck=check)
    for _ in range(20):
        room.monitor.follow("shop", [])
        room.monitor.follow("shop", [last])
    time.sleep(0.5)
    assert 1 <= room.count() <= 11


def test_the_answer_about_a_container_that_changed_meanwhile_does_not_count(room):
    room.during.clear()
    once = dataclasses.replace(TARGET, healthcheck=dataclasses.replace(CHECK, retries=1))
    room.answers["10.0.0.2"] = "refused"
    room.monitor.follow("shop", [once])
    room.until(lambda: room.count() == 1, "it is not asked")
    room.monitor.follow("shop", [])
    room.during.set()
    time.sleep(0.05)
    assert room.told == []
    assert room.monitor.unhealthy() == {}


def test_a_slow_container_does_not_delay_the_check_of_another(room):
    slow = dataclasses.replace(TARGET, container_id="c2", address="10.0.0.3")
    stuck = threading.Event()

    def answer(address: str, check: HealthCheck, abandoned: Callable[[], bool]) -> str | None:
        if address == "10.0.0.3":
            stuck.wait(5)
        return room.probe(address, check, abandoned)

    monitor = Monitor(answer, room.tell, SystemClock())
    monitor.start()
    monitor.follow("shop", [TARGET, slow])
    room.until(lambda: room.count() >= 5, "the quick one waits for the slow one")
    assert room.count("10.0.0.3") == 0
    stuck.set()
    monitor.stop()


def test_a_bug_in_a_probe_does_not_end_the_checks(room, caplog):
    room.bug = ValueError("a bug")
    room.monitor.follow("shop", [TARGET])
    room.until(lambda: room.count() >= 3, "it is not asked any more")
    assert "a bug" in caplog.text


def test_nothing_is_asked_after_the_end(room):
    room.monitor.follow("shop", [TARGET])
    room.until(lambda: room.count() >= 1, "it is not asked")
    room.monitor.stop()
    time.sleep(0.05)
    seen = room.count()
    time.sleep(0.05)
    assert room.count() == seen
    room.monitor._submit(TARGET)


def test_the_end_abandons_a_check_that_is_under_way(room):
    """The interpreter waits for these threads when it ends, and a check may take as long as its document says."""
    ended = threading.Event()

    def answer(address: str, check: HealthCheck, abandoned: Callable[[], bool]) -> str | None:
        room.probe(address, check, abandoned)
        deadline = time.monotonic() + 10
        while not abandoned() and time.monotonic() < deadline:
            time.sleep(0.005)
        if abandoned():
            ended.set()
        return "abandoned"

    monitor = Monitor(answer, room.tell, SystemClock())
    monitor.start()
    monitor.follow("shop", [TARGET])
    room.until(lambda: room.count() == 1, "it is not asked")
    monitor.stop()
    assert ended.wait(2)
