"""One list call serves everybody who asked before it began; inspections are kept until something is known to change."""

from __future__ import annotations

import dataclasses
import threading

import pytest
from support.spine import AWAY, TickingClock

from agent.core.observed import ObservedContainer, Role
from agent.errors import Transient
from agent.observer import Observer, Snapshot

APP = ObservedContainer(
    id="c1", name="shop.1", workload="shop", workload_id="a1", fingerprint="1:f", networks={"pierhead": "172.18.0.2"}
)


class Lister:
    """An engine that lists when it is let, and counts what is asked."""

    def __init__(self) -> None:
        self.containers = (APP,)
        self.lists = 0
        self.inspected: list[str] = []
        self.let = threading.Event()
        self.let.set()
        self.begun = threading.Event()
        self.error: Transient | None = None

    def list_containers(self):
        self.begun.set()
        self.let.wait(5)
        self.lists += 1
        if self.error:
            raise self.error
        return self.containers

    def inspect(self, container: str):
        self.inspected.append(container)
        if self.error:
            raise self.error
        return f"detail {len(self.inspected)} of {container}"


@pytest.fixture
def engine():
    return Lister()


@pytest.fixture
def clock():
    return TickingClock()


@pytest.fixture
def observer(engine, clock):
    return Observer(engine, clock)


def test_before_the_first_list_there_is_an_empty_snapshot(observer, engine):
    assert observer.latest.groups == {}
    assert engine.lists == 0


def test_the_first_question_lists_however_old_an_answer_would_do(observer, engine):
    assert observer.snapshot(float("-inf")).groups == {"a1": (APP,)}
    assert engine.lists == 1


def test_everybody_who_asked_before_a_list_began_shares_it(observer, engine, clock):
    """Ten ask at one moment; one list call answers them all."""
    engine.let.clear()
    asked = clock.monotonic()
    found = []
    threads = [threading.Thread(target=lambda: found.append(observer.snapshot(asked))) for _ in range(10)]
    for thread in threads:
        thread.start()
    assert engine.begun.wait(5)
    engine.let.set()
    for thread in threads:
        thread.join(5)
    assert len(found) == 10
    assert engine.lists == 1


def test_who_asks_while_a_list_is_under_way_gets_the_next_one(observer, engine, clock):
    engine.let.clear()
    first = threading.Thread(target=observer.snapshot, args=[clock.monotonic()])
    first.start()
    assert engine.begun.wait(5)
    later = clock.monotonic()
    engine.let.set()
    found = observer.snapshot(later)
    first.join(5)
    assert engine.lists == 2
    assert found.state.listed_at >= later


def test_a_list_that_fails_leaves_the_snapshot_and_the_next_question_lists_again(observer, engine, clock):
    before = observer.snapshot(0)
    engine.error = AWAY
    with pytest.raises(Transient):
        observer.snapshot(clock.monotonic())
    assert observer.latest is before
    engine.error = None
    assert observer.snapshot(clock.monotonic()) is not before


def test_a_container_is_inspected_once_until_it_is_forgotten(observer, engine):
    assert observer.detailed((APP,))[0].detail == "detail 1 of c1"
    assert observer.detailed((APP,))[0].detail == "detail 1 of c1"
    observer.forget("c1")
    assert observer.detailed((APP,))[0].detail == "detail 2 of c1"
    observer.forget_all()
    assert observer.detailed((APP,))[0].detail == "detail 3 of c1"
    observer.forget("unknown")


def test_a_container_that_cannot_be_inspected_has_no_detail_and_is_asked_again(observer, engine):
    engine.error = AWAY
    assert observer.detailed((APP,))[0].detail is None
    engine.error = None
    assert observer.detailed((APP,))[0].detail == "detail 2 of c1"


def test_what_was_inspected_of_a_container_that_is_gone_is_not_kept(observer, engine, clock):
    observer.detailed((APP,))
    engine.containers = ()
    observer.snapshot(clock.monotonic())
    assert observer._details == {}


def snapshot(*containers: ObservedContainer) -> Snapshot:
    return Snapshot().then(containers, 1, 0.0)


def test_the_owner_of_a_network_is_the_active_container_that_runs():
    old = dataclasses.replace(APP, id="c0", role=Role.RETIRED)
    stopped = dataclasses.replace(APP, id="c2", workload="db", workload_id="b2", state="exited")
    assert snapshot(old, APP, stopped).owners == {"shop": "c1"}


@pytest.mark.parametrize(
    ("changes", "address"),
    [
        ({}, "172.18.0.2"),
        ({"networks": {"first": "", "second": "172.19.0.3"}}, "172.19.0.3"),
        ({"networks": {"host": ""}}, "127.0.0.1"),
        ({"networks": {}}, ""),
        ({"networks": {}, "network_container": "owner"}, "172.20.0.9"),
        ({"networks": {}, "network_container": "gone"}, ""),
    ],
)
def test_the_address_is_the_containers_own_or_that_of_the_network_it_joined(changes, address):
    asked = dataclasses.replace(APP, **changes)
    owner = dataclasses.replace(APP, id="owner", networks={"pierhead": "172.20.0.9"})
    assert snapshot(asked, owner).address(asked) == address
