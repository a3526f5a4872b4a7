"""One agent at a time: who gets the lease, who gives way, and who notices that it was replaced."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from fakes.clock import FakeClock
from fakes.engine import FakeEngine

from agent.core.reasons import Reason
from agent.engine.data_folder import DataFolder
from agent.engine.lease import LIFETIME, EngineLease
from agent.errors import Stalled, Transient


class World:
    """One engine with one clock, and any number of agents on it."""

    def __init__(self, folder: Path) -> None:
        self.clock = FakeClock()
        self.engine = FakeEngine("edge-1", self.clock)
        self._folder = folder

    def agent(self, name: str) -> EngineLease:
        return EngineLease(self.engine, self._folder / name, self.clock)


@pytest.fixture
def world(tmp_path) -> World:
    return World(tmp_path)


def away() -> Transient:
    return Transient(Reason.ENGINE_UNREACHABLE, "no engine answers")


def test_the_first_agent_gets_the_lease_and_leaves_one_volume(world):
    agent = world.agent("a")
    agent.acquire()
    assert agent.held
    [lease] = world.engine.leases.all()
    assert lease.held
    assert "process " in lease.holder


def test_a_second_agent_is_told_who_has_it_and_until_when(world):
    world.agent("a").acquire()
    world.clock.advance(12)
    second = world.agent("b")
    with pytest.raises(Stalled, match=r"as host edge-1: process \d+ on .*, renewed 20") as caught:
        second.acquire()
    assert caught.value.reason is Reason.ENGINE_LOCKED
    assert "ends in 18 s" in caught.value.advice
    assert not second.held
    assert len(world.engine.leases.all()) == 1


def test_a_refused_agent_leaves_its_data_folder_to_others(world, tmp_path):
    world.agent("a").acquire()
    with pytest.raises(Stalled):
        world.agent("b").acquire()
    DataFolder(tmp_path / "b").lock()


def test_a_lease_that_is_renewed_never_expires(world):
    agent = world.agent("a")
    agent.acquire()
    for _ in range(10):
        world.clock.advance(10)
        agent.renew()
        assert agent.held
        with pytest.raises(Stalled):
            world.agent("b").acquire()
    assert len(world.engine.leases.all()) == 1


def test_the_lease_of_a_dead_agent_is_taken_over_after_its_time(world):
    world.agent("a").acquire()
    world.clock.advance(LIFETIME)
    second = world.agent("b")
    second.acquire()
    assert second.held
    assert len(world.engine.leases.all()) == 1


def test_an_agent_that_was_killed_is_back_at_once(world):
    first = world.agent("a")
    first.acquire()
    first._folder.release()  # what the kernel does when a process is killed
    second = world.agent("a")
    second.acquire()
    assert second.held
    assert len(world.engine.leases.all()) == 1


def test_an_agent_that_slept_and_was_replaced_stops(world):
    first, second = world.agent("a"), world.agent("b")
    first.acquire()
    world.clock.advance(LIFETIME + 1)
    assert not first.held
    second.acquire()
    with pytest.raises(Stalled, match="another agent"):
        first.check()
    assert not first.held
    second.check()
    assert len(world.engine.leases.all()) == 1


def test_a_copied_data_folder_does_not_make_two_holders(world, tmp_path):
    first = world.agent("a")
    first.acquire()
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "owner").write_text((tmp_path / "a" / "owner").read_text())
    second = world.agent("copy")
    second.acquire()
    with pytest.raises(Stalled):
        first.renew()
    with pytest.raises(Stalled):
        first.renew()
    second.renew()
    assert second.held


def test_a_replaced_agent_gets_the_lease_again_when_the_other_is_gone(world):
    first, second = world.agent("a"), world.agent("b")
    first.acquire()
    world.clock.advance(LIFETIME + 1)
    second.acquire()
    with pytest.raises(Stalled):
        first.renew()
    second.release()
    first.renew()
    assert first.held


@pytest.mark.parametrize("seconds", [3600, -3600], ids=["forward", "back"])
def test_a_clock_that_jumps_takes_the_lease_from_nobody_who_renews_it(world, seconds):
    first = world.agent("a")
    first.acquire()
    world.clock.jump(seconds)
    assert first.held, "how long a lease holds is told by a clock that cannot be set"
    world.clock.advance(10)
    first.renew()
    assert first.held
    with pytest.raises(Stalled, match="another agent drives"):
        world.agent("b").acquire()
    assert [one.owner for one in world.engine.leases.all()] == [first._owner]


@pytest.mark.parametrize("seconds", [3600, -3600], ids=["forward", "back"])
def test_a_clock_that_jumps_gives_no_dead_agent_a_longer_life(world, seconds):
    world.agent("a").acquire()
    world.clock.jump(seconds)
    world.clock.advance(LIFETIME)
    second = world.agent("b")
    second.acquire()
    assert second.held
    assert len(world.engine.leases.all()) == 1


def test_a_lease_volume_that_somebody_pruned_is_written_again(world):
    agent = world.agent("a")
    agent.acquire()
    world.engine.leases.volumes.clear()
    agent.renew()
    assert agent.held
    assert len(world.engine.leases.all()) == 1


def test_an_engine_that_is_away_does_not_keep_an_agent_from_starting(world):
    world.engine.leases.away = away()
    agent = world.agent("a")
    agent.acquire()
    assert not agent.held
    with pytest.raises(Transient):
        agent.check()
    world.engine.leases.away = None
    agent.check()
    assert agent.held


def test_a_lease_that_cannot_be_renewed_ends_by_itself(world):
    agent = world.agent("a")
    agent.acquire()
    world.engine.leases.away = away()
    world.clock.advance(10)
    with pytest.raises(Transient):
        agent.renew()
    agent.check()
    world.clock.advance(LIFETIME)
    with pytest.raises(Transient):
        agent.check()


def test_the_engine_refuses_changes_without_the_lease(world):
    agent = world.agent("a")
    with pytest.raises(Stalled, match="not taken"):
        world.engine.create_network("x")
    agent.acquire()
    world.engine.create_network("x")
    agent.release()
    agent.release()
    with pytest.raises(Stalled):
        world.engine.create_network("y")
    assert world.engine.leases.all() == ()


@pytest.mark.parametrize("cut", range(1, 10))
def test_of_two_that_start_together_at_most_one_holds(world, monkeypatch, cut):
    """The second one starts while the first is between any two of its calls to the engine."""
    first, second = world.agent("a"), world.agent("b")
    calls, outcomes = itertools.count(1), []
    reach = world.engine.leases._reach

    def interleave() -> None:
        reach()
        if next(calls) == cut:
            try:
                second.acquire()
            except Stalled:
                outcomes.append("second refused")

    monkeypatch.setattr(world.engine.leases, "_reach", interleave)
    try:
        first.acquire()
    except Stalled:
        outcomes.append("first refused")
    monkeypatch.undo()
    holders = [agent for agent in (first, second) if agent.held]
    assert len(holders) <= 1
    if second.held or "second refused" in outcomes:
        assert len(holders) == 1
    assert len(world.engine.leases.all()) == len(holders)


def test_a_second_process_on_one_data_folder_is_refused_with_the_first_ones_number(tmp_path):
    import os

    first, second = DataFolder(tmp_path), DataFolder(tmp_path)
    first.lock()
    first.lock()
    with pytest.raises(Stalled, match=rf"process {os.getpid()}\) uses"):
        second.lock()
    first.release()
    first.release()
    second.lock()


def test_a_data_folder_keeps_its_identity(tmp_path):
    owner = DataFolder(tmp_path / "new")
    owner.lock()
    assert len(owner.owner()) == 32
    assert DataFolder(tmp_path / "new").owner() == owner.owner()
    (tmp_path / "new" / "owner").write_text("")
    assert len(owner.owner()) == 32


def test_a_data_folder_that_cannot_be_written_says_so(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Transient, match="data folder"):
        DataFolder(tmp_path / "file").lock()
    with pytest.raises(Transient, match="data folder"):
        DataFolder(tmp_path / "file" / "below").owner()
