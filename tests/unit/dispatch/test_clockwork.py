"""Schedules: when they tick, what is made up for, and that each time ticks once."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fakes.dispatch import Agent, World, until, workload

from agent.core.inbound import TICK
from agent.core.reasons import Reason
from agent.core.triggers import WatchClock
from agent.dispatch.clockwork import Clockwork, Job
from agent.errors import Transient

FULL = Transient(Reason.JOURNAL_UNAVAILABLE, "the disk is full")
NIGHTLY = "[{kind: schedule, cron: '0 4 * * *', action: run}]"
DAY = 86_400.0
NOON = datetime(2027, 1, 15, 12, 0, tzinfo=UTC).timestamp()


@pytest.fixture
def noon(agent: Agent) -> Agent:
    agent.clock.time = NOON
    return agent


def schedules(agent: Agent, triggers: str = NIGHTLY) -> Clockwork:
    agent.commit({"workloads/web.yaml": workload("web", triggers=triggers)})
    agent.clockwork.refresh()
    return agent.clockwork


def ticks(agent: Agent) -> list[tuple[str, str | None]]:
    return [(one.trigger, one.workload) for one in agent.journal.pending_events(100) if one.event.type == TICK]


def started_again(agent: Agent, world: World, tmp_path: Path) -> Agent:
    agent.clockwork.stop()
    agent.journal.close()
    again = Agent(world, tmp_path / "data")
    again.follow()
    again.clockwork.refresh()
    return again


def job(agent: Agent) -> tuple[str, Job]:
    [(name, found)] = agent.clockwork._jobs.items()
    return name, found


def test_the_next_tick_is_known_by_its_time_zone(noon: Agent) -> None:
    clockwork = schedules(noon, "[{kind: schedule, cron: '0 4 * * *', timezone: Europe/Berlin, action: run}]")
    assert clockwork.next_tick("web.1") == NOON + 15 * 3600
    assert clockwork.next_tick("nothing") is None
    assert ticks(noon) == []


def test_a_tick_is_stored_and_counted(noon: Agent) -> None:
    schedules(noon)
    noon.clock.advance(16 * 3600)
    noon.clockwork.due(*job(noon))
    assert ticks(noon) == [("web.1", None)]
    assert noon.clockwork.ticks == 1


def test_missed_ticks_are_made_up_for_by_one(noon: Agent, world: World, tmp_path: Path) -> None:
    schedules(noon)
    noon.clock.advance(5 * DAY)
    again = started_again(noon, world, tmp_path)
    assert ticks(again) == [("web.1", None)]
    more = started_again(again, world, tmp_path)
    assert len(ticks(more)) == 1
    more.close()


def test_nothing_is_made_up_for_when_nothing_was_missed(noon: Agent, world: World, tmp_path: Path) -> None:
    schedules(noon)
    noon.clock.advance(3600)
    again = started_again(noon, world, tmp_path)
    assert ticks(again) == []
    again.close()


def test_a_tick_that_was_stored_and_not_remembered_comes_once(noon: Agent, world: World, tmp_path: Path) -> None:
    schedules(noon)
    noon.clock.advance(16 * 3600)
    noon.clockwork._keep = lambda *_: None  # type: ignore[method-assign]
    noon.clockwork.due(*job(noon))
    noon.journal.settle([one.id for one in noon.journal.pending_events(10)], "done")
    noon.clock.advance(60)
    again = started_again(noon, world, tmp_path)
    assert ticks(again) == []
    again.clock.advance(DAY)
    again.clockwork.due(*job(again))
    assert len(ticks(again)) == 1
    again.close()


def test_a_schedule_that_was_changed_makes_up_for_nothing(noon: Agent) -> None:
    schedules(noon)
    noon.clock.advance(3600)
    schedules(noon, NIGHTLY.replace("0 4", "30 12"))
    assert ticks(noon) == []
    assert noon.clockwork.next_tick("web.1") == NOON + DAY + 1800


def test_a_schedule_that_was_changed_while_the_agent_was_away_makes_up_for_nothing(
    noon: Agent, world: World, tmp_path: Path
) -> None:
    schedules(noon)
    noon.clock.advance(2 * DAY)
    world.commit({"workloads/web.yaml": workload("web", triggers=NIGHTLY.replace("0 4", "0 5"))})
    again = started_again(noon, world, tmp_path)
    assert ticks(again) == []
    again.close()


def test_a_schedule_that_comes_back_makes_up_for_nothing(noon: Agent) -> None:
    schedules(noon)
    schedules(noon, "[]")
    assert noon.clockwork.next_tick("web.1") is None
    noon.clock.advance(5 * DAY)
    schedules(noon)
    assert ticks(noon) == []


def test_a_shared_schedule_ticks_once_for_all_and_apart_where_a_binding_says_other_times(noon: Agent) -> None:
    shared = "kind: Trigger\nname: night\nsignal: {kind: schedule, cron: '0 4 * * *'}\n"
    other = "[{trigger: night, action: run, with: {cron: '0 5 * * *'}}]"
    files = {
        "triggers/night.yaml": shared,
        "workloads/a.yaml": workload("a", triggers="[{trigger: night, action: run}]"),
    }
    noon.commit({**files, "workloads/b.yaml": workload("b", triggers="[{trigger: night, action: run}]")})
    noon.clockwork.refresh()
    assert list(noon.clockwork._jobs) == ["night"]
    noon.commit({"workloads/b.yaml": workload("b", triggers=other)})
    noon.clockwork.refresh()
    assert noon.clockwork.next_tick("night") == noon.clockwork.next_tick("night", "a") == NOON + 16 * 3600
    assert noon.clockwork.next_tick("night", "b") == NOON + 17 * 3600
    for name, one in noon.clockwork._jobs.items():
        noon.clockwork.due(name, one)
    assert ticks(noon) == [("night", "a"), ("night", "b")]


def test_a_disabled_binding_to_a_shared_schedule_does_not_count(noon: Agent) -> None:
    shared = "kind: Trigger\nname: night\nsignal: {kind: schedule, cron: '0 4 * * *'}\n"
    web = workload("web", triggers="[{trigger: night, enabled: false, action: run}]")
    noon.commit({"triggers/night.yaml": shared, "workloads/web.yaml": web})
    noon.clockwork.refresh()
    assert noon.clockwork.next_tick("night") is None


def test_with_jitter_the_tick_follows_later(noon: Agent) -> None:
    schedules(noon, NIGHTLY.replace("action", "jitter: 100ms, action"))
    noon.clock.advance(16 * 3600)
    noon.clockwork.due(*job(noon))
    assert ticks(noon) == []
    until(lambda: ticks(noon) == [("web.1", None)])


def test_the_scheduler_itself_ticks(noon: Agent) -> None:
    clockwork = schedules(noon)
    clockwork._scheduler.modify_job("web.1", next_run_time=datetime.now(tz=UTC))
    clockwork._scheduler.wakeup()
    until(lambda: clockwork.ticks == 1)


def test_a_clock_that_is_set_wakes_the_scheduler(noon: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    noon.clockwork.check_clock()
    noon.clock.jump(5)
    noon.clockwork.check_clock()
    clockwork = schedules(noon)
    woken: list[bool] = []
    monkeypatch.setattr(clockwork._scheduler, "wakeup", lambda: woken.append(True))
    noon.clock.advance(3600)
    clockwork.check_clock()
    assert woken == []
    noon.clock.jump(-3600)
    clockwork.check_clock()
    clockwork.check_clock()
    assert woken == [True]


def test_a_tick_that_the_journal_cannot_take_comes_when_it_can(noon: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.dispatch.clockwork.TRY_AGAIN", 0.05)
    schedules(noon)
    noon.clock.advance(DAY)
    noon.memory_away = FULL
    noon.clockwork.due(*job(noon))
    noon.clockwork.due(*job(noon))
    assert ticks(noon) == []
    noon.memory_away = None
    until(lambda: ticks(noon) != [])
    assert len(ticks(noon)) == 1


def test_a_schedule_that_cannot_be_remembered_is_in_force_all_the_same(noon: Agent) -> None:
    noon.memory_away = FULL
    assert schedules(noon).next_tick("web.1") is not None


def test_a_tick_that_could_not_be_remembered_does_not_swallow_the_next(noon: Agent) -> None:
    schedules(noon)
    noon.memory_full = FULL
    for _ in range(3):
        noon.clock.advance(DAY)
        noon.clockwork.tick(*job(noon))
    assert len(ticks(noon)) == 3


@pytest.mark.parametrize("kept", ["{", "[]", "{}", '{"at": "x", "rule": "0 4 * * * UTC"}', "5"])
def test_a_memory_that_cannot_be_read_makes_up_for_nothing(noon: Agent, kept: str) -> None:
    noon.journal.remember("tick:web.1", kept)
    schedules(noon)
    assert ticks(noon) == []
    assert json.loads(noon.journal.recall("tick:web.1") or "")["at"] == NOON


def test_a_job_that_is_gone_by_itself_can_be_removed(noon: Agent) -> None:
    clockwork = schedules(noon)
    clockwork._scheduler.remove_job("web.1")
    schedules(noon, "[]")
    assert clockwork._jobs == {}


def test_after_the_end_nothing_ticks_and_nothing_begins(noon: Agent) -> None:
    clockwork = schedules(noon)
    name, one = job(noon)
    clockwork.stop()
    clockwork.stop()
    clockwork.refresh()
    clockwork.check_clock()
    assert clockwork._jobs == {}
    assert clockwork._scheduler is None
    jittery = Job(one.trigger, None, WatchClock(cron="0 4 * * *", timezone="UTC", jitter=60.0))
    clockwork.due(name, jittery)
    assert clockwork.ticks == 1


def test_before_the_repository_was_read_there_are_no_schedules(agent: Agent) -> None:
    agent.clockwork.refresh()
    assert agent.clockwork._jobs == {}
