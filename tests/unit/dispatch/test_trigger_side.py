"""The triggers of an agent as a whole, with their threads; what the ingress may ask; what the page reads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fakes.dispatch import IMAGE, WEBHOOK, Agent, FakeClock, World, house, until, workload

from agent.core.deliveries import DeliveryRecord
from agent.core.inbound import IMAGE_PUSH, MANUAL, InboundEvent
from agent.core.reasons import Reason
from agent.dispatch.desk import Desk, DeskParts
from agent.errors import PierheadError, Transient
from agent.trigger_view import TriggerView

FULL = Transient(Reason.JOURNAL_UNAVAILABLE, "the disk is full")
NIGHTLY = "{kind: schedule, cron: '0 4 * * *', action: run}"


class RunningClock(FakeClock):
    """Time passes by itself, a hundred times as fast as in life."""

    def __init__(self) -> None:
        super().__init__()
        self._began = time.monotonic()
        self._pause = threading.Event()

    def monotonic(self) -> float:
        return (time.monotonic() - self._began) * 100

    def now(self) -> float:
        return self.time + self.monotonic()

    def wait(self, seconds: float) -> None:
        self._pause.wait(seconds / 100)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Agent]:
    """An agent with its threads at work; it follows by itself, as the daemon lets it."""
    agent = Agent(World(clock=RunningClock()), tmp_path / "data")
    followed = agent.follow

    def follow() -> None:
        followed()
        agent.side.refresh()

    agent.on_follow = lambda: None
    agent.follow = follow  # type: ignore[method-assign]
    yield agent
    agent.close()


def idle(agent: Agent) -> Callable[[], bool]:
    return lambda: agent.journal.inbox_depth() == 0


# Threads


def test_events_become_commits_while_they_arrive(running: Agent) -> None:
    running.side.refresh()
    running.side.start()
    running.commit(house("api", "web"))
    events = [running.push("ci", f"1.{number}") for number in range(1, 50)]
    until(idle(running))
    assert "'1.49'" in running.world.content("workloads/web.yaml")
    assert len(running.publisher.published) <= len(events)


def test_events_of_an_earlier_process_are_acted_upon_at_the_start(running: Agent) -> None:
    running.push("ci", "1.1")
    running.commit(house("web"))
    running.side.start()
    until(idle(running))
    assert "'1.1'" in running.world.content("workloads/web.yaml")


def test_several_senders_at_once_lose_nothing(running: Agent) -> None:
    running.commit(house("web") | {"workloads/job.yaml": workload("job", triggers="[{trigger: ci, action: run}]")})
    running.side.start()
    senders = [
        threading.Thread(target=lambda: [running.receive("ci", InboundEvent(type=MANUAL)) for _ in range(20)])
        for _ in range(4)
    ]
    for one in senders:
        one.start()
    for one in senders:
        one.join(10)
    until(idle(running))
    assert running.asked().count(("job", "run")) == 80


def test_an_update_that_goes_back_is_settled_by_the_dispatcher(running: Agent) -> None:
    running.commit(house("web"))
    running.publisher.before = lambda: running.world.commit({"workloads/web.yaml": workload("web", "1.1")})
    running.side.start()
    event = running.push("ci", "1.1")
    until(idle(running))
    assert running.outcome(event) == ("done", "fired 0 of 1")


def test_a_defect_in_a_thread_is_survived(running: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    running.commit(house("web"))
    failing = [RuntimeError("a bug"), FULL]
    pending = running.journal.pending_events

    def once_broken(limit: int):
        if failing:
            raise failing.pop()
        return pending(limit)

    monkeypatch.setattr("agent.dispatch.dispatcher.RETRY", 0.01)
    monkeypatch.setattr(running.journal, "pending_events", once_broken)
    running.side.start()
    running.push("ci", "1.1")
    until(idle(running))
    assert failing == []


def test_a_defect_while_writing_is_survived(running: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    running.commit(house("web"))
    monkeypatch.setattr("agent.dispatch.updater.FIRST_DELAY", 0.01)
    failing = [RuntimeError("a bug")]
    held = running.updater.held

    def broken(received, error) -> None:
        raise RuntimeError("and another") from failing.pop()

    monkeypatch.setattr(running.updater, "on_defect", broken)
    monkeypatch.setattr(running.updater._writer, "write", _failing_once(running.updater._writer.write))
    running.side.start()
    running.push("ci", "1.1")
    until(lambda: failing == [] and held() == frozenset())
    running.dispatcher.wake()
    until(idle(running))
    assert "'1.1'" in running.world.content("workloads/web.yaml")


def _failing_once(write: Callable[..., object]) -> Callable[..., object]:
    left = [RuntimeError("a bug")]

    def wrapped(*arguments: object) -> object:
        if left:
            raise left.pop()
        return write(*arguments)

    return wrapped


def test_it_ends_at_once_while_publishing_hangs(running: Agent) -> None:
    hangs, entered = threading.Event(), threading.Event()
    running.commit(house("web"))
    running.publisher.before = lambda: (entered.set(), hangs.wait(10))
    running.side.start()
    running.push("ci", "1.1")
    assert entered.wait(10)
    running.side.stop(0.3)
    hangs.set()
    running.updater._thread.join(10)
    assert not running.updater._thread.is_alive()


def test_an_agent_that_ends_leaves_what_waits_for_the_next_start(agent: Agent) -> None:
    agent.commit(house("web"))
    agent.push("ci", "1.1")
    agent.dispatcher.stop(0)
    agent.dispatcher.work()
    assert agent.updater.held() == frozenset()
    agent.dispatcher._each(agent.journal.pending_events(1))
    assert agent.journal.inbox_depth() == 1


# Refreshing and ticking


def test_a_new_state_brings_targets_schedules_and_what_waits_up_to_date(agent: Agent) -> None:
    look = f"{{kind: registry, image: {IMAGE}, policy: digest}}"
    agent.commit({"workloads/web.yaml": workload("web", triggers=f"[{look}, {NIGHTLY}]")})
    agent.side._started.set()
    agent.side.refresh()
    assert agent.poller.look_now("web.1")
    assert agent.clockwork.next_tick("web.2") is not None
    agent.commit({"workloads/web.yaml": workload("web", triggers="[]")})
    agent.side.refresh()
    assert not agent.poller.look_now("web.1")
    assert agent.clockwork.next_tick("web.2") is None


def test_a_tick_finds_what_another_process_stored(agent: Agent, tmp_path: Path, monkeypatch) -> None:
    woken: list[bool] = []
    monkeypatch.setattr(agent.dispatcher, "wake", lambda: woken.append(True))
    agent.side.tick()
    assert woken == []
    other = Agent(agent.world, tmp_path / "data", host="cli")
    other.push("ci", "1.1")
    other.journal.close()
    agent.side.tick()
    assert woken == [True]


def test_a_journal_that_cannot_be_read_costs_ticks_and_numbers_nothing_else(agent: Agent, monkeypatch) -> None:
    def failing(*_: object) -> None:
        raise FULL

    before = {one.name for one in agent.side.counters()}
    monkeypatch.setattr(agent.journal, "changed_by_others", failing)
    monkeypatch.setattr(agent.journal, "inbox_depth", failing)
    agent.side.tick()
    assert before - {one.name for one in agent.side.counters()} == {"inbox_depth"}


def test_numbers_tell_what_was_done(agent: Agent) -> None:
    agent.commit(house("web"))
    agent.push("ci", "1.1")
    agent.work()
    numbers = {(one.name, *one.labels.values()): one.value for one in agent.side.counters()}
    assert numbers[("inbox_events_total",)] == 1
    assert numbers[("inbox_depth",)] == 0
    assert numbers[("updates_total", "written")] == 1
    assert numbers[("polls_total", "failed")] == 0
    assert numbers[("registry_rate_limit_remaining", "docker.io")] == 99.0


# The desk


@pytest.fixture
def desk(agent: Agent) -> Desk:
    return Desk(
        DeskParts(
            follower=agent.follower,
            triggers=agent.kinds,
            secrets=agent.secrets,
            intake=agent.intake,
            deliveries=agent.journal,
            next_id=agent.ids.next,
            moved=lambda: agent.enqueued.append("moved"),
        )
    )


def test_before_the_repository_was_read_senders_are_asked_to_come_again(desk: Desk) -> None:
    with pytest.raises(Transient) as caught:
        desk.webhook("ci")
    assert caught.value.reason == Reason.NOTHING_READABLE


def test_a_webhook_is_known_with_its_secrets(agent: Agent, desk: Desk) -> None:
    agent.secrets.values["old"] = "before"
    rotated = WEBHOOK.replace("}}", "}, previous_secret: {secret: old}}")
    agent.commit({"triggers/ci.yaml": rotated, "workloads/web.yaml": workload("web")})
    found = desk.webhook("ci")
    assert found is not None
    assert (found.name, found.vendor, found.auth, found.secrets) == (
        "ci",
        "generic",
        "signature",
        (b"s3cret", b"before"),
    )
    del agent.secrets.values["old"]
    found = desk.webhook("ci")
    assert found is not None
    assert found.secrets == (b"s3cret",)
    agent.secrets.values.clear()
    with pytest.raises(PierheadError):
        desk.webhook("ci")


def test_what_takes_no_deliveries_is_unknown(agent: Agent, desk: Desk) -> None:
    off = workload("web", triggers=f"[{{trigger: ci, enabled: false}}, {NIGHTLY}]")
    agent.commit({"triggers/ci.yaml": WEBHOOK, "workloads/web.yaml": off})
    assert [desk.webhook(name) for name in ("ci", "web.2", "nobody")] == [None, None, None]
    agent.commit({"workloads/web.yaml": workload("web", triggers="[]")})
    assert desk.webhook("ci") is not None


def test_deliveries_are_stored_and_known_again(agent: Agent, desk: Desk) -> None:
    event = InboundEvent(type=IMAGE_PUSH, image=IMAGE, image_tag="1.1")
    woken: list[bool] = []
    agent.intake.on_stored = lambda: woken.append(True)
    ids = desk.accept("ci", [event, event], {"key": 60.0}, lambda call: call()).result(10)
    assert ids is not None
    assert [one.id for one in agent.journal.pending_events(10)] == list(ids)
    assert desk.accept("ci", [event], {"key": 60.0}, lambda call: call()).result(10) is None
    assert agent.intake.store("ci", [event], {"key": 60.0}) is None
    assert woken == [True]


def test_a_journal_that_cannot_store_says_so(agent: Agent, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object, **__: object) -> None:
        raise FULL

    monkeypatch.setattr(agent.journal._database, "write", failing)
    with pytest.raises(Transient):
        desk.accept("ci", [InboundEvent(type=MANUAL)], {}, lambda call: call()).result(10)


def test_the_rest_of_the_desk_hands_on(agent: Agent, desk: Desk) -> None:
    desk.config_moved()
    assert agent.enqueued == ["moved"]
    assert desk.next_delivery_id() < desk.next_delivery_id()
    record = DeliveryRecord(
        id="1", time="2027-01-01T00:00:00Z", host="edge-1", direction="in", trigger="ci", outcome="ignored"
    )
    desk.delivered(record)
    until(lambda: agent.journal.recent_deliveries(10) == (record,))


# The page


@pytest.fixture
def view(agent: Agent) -> TriggerView:
    return TriggerView(
        board=agent.teller.board,
        clockwork=agent.clockwork,
        kinds=agent.kinds,
        last_received=agent.journal.last_received,
    )


def test_before_the_repository_was_read_there_is_nothing_to_see(view: TriggerView) -> None:
    assert (view.triggers(None), view.trigger(None, "ci"), view.bindings(None, "web")) == ((), None, ())
    assert view.pending("web") == ""


def test_triggers_and_bindings_are_shown_with_what_they_did(agent: Agent, view: TriggerView) -> None:
    agent.clock.time = 1_800_000_000.0
    triggers = f"[{{trigger: ci, order: 5, with: {{tag_pattern: '^1'}}}}, {NIGHTLY}]"
    agent.commit({"triggers/ci.yaml": WEBHOOK, "workloads/web.yaml": workload("web", triggers=triggers)})
    agent.clockwork.refresh()
    agent.publisher.refusal = Transient(Reason.REPOSITORY_UNREACHABLE, "away")
    event = agent.push("ci", "1.1")
    agent.work()
    desired = agent.judge.desired
    ci, nightly = view.triggers(desired)
    assert (ci.name, ci.kind, ci.path, ci.last_event, ci.last_event_id) == (
        "ci",
        "webhook",
        "triggers/ci.yaml",
        f"image {IMAGE}:1.1",
        event,
    )
    assert (ci.outcome, ci.next_tick, ci.trouble, ci.polled) == ("fired 1 of 1", None, "", None)
    assert (nightly.name, nightly.workload, nightly.last_event) == ("web.2", "web", "")
    assert nightly.next_tick == "2027-01-16T04:00:00.000Z"
    first, second = view.bindings(desired, "web")
    assert (first.number, first.order, first.fired, first.event) == (1, 5, True, event)
    assert any("tag_pattern" in one for one in first.overrides)
    assert (second.fired, second.next_tick) == (None, "2027-01-16T04:00:00.000Z")
    assert view.pending("web") == f"{IMAGE} 1.0 → 1.1: RepositoryUnreachable: away"
    assert view.trigger(desired, "nobody") is None


def test_the_newest_event_is_known_after_a_restart(agent: Agent, view: TriggerView, monkeypatch) -> None:
    agent.commit(house("web"))
    event = agent.push("ci", "1.1")
    found = view.trigger(agent.judge.desired, "ci")
    assert found is not None
    assert (found.last_event_id, found.outcome) == (event, "")

    def failing(_: str) -> None:
        raise FULL

    object.__setattr__(view, "last_received", failing)
    found = view.trigger(agent.judge.desired, "ci")
    assert found is not None
    assert found.last_event == ""
