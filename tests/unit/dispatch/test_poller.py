"""Each target at its own pace, one worker a host, failures told once; by hand, and by threads where they count."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from fakes.dispatch import Agent, until
from fakes.dispatch_watch import FakeWatcher, target

from agent.clock import SystemClock
from agent.core.reasons import Reason
from agent.dispatch.poller import Poller, PollerParts
from agent.dispatch.telling import Teller
from agent.errors import Stalled, Transient

AWAY = Transient(Reason.REGISTRY_UNAVAILABLE, "no answer")


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without threads of its own: tests call `work`."""
    monkeypatch.setattr(Poller, "_ensure_threads", lambda _: None)


def poller_of(agent: Agent, watcher: FakeWatcher, clock: object = None) -> Poller:
    parts = PollerParts(
        watchers=(watcher,),
        board=agent.teller.board,
        chronicle=agent.chronicle,
        clock=clock or agent.clock,  # type: ignore[arg-type]
        chance=lambda: 0.5,
    )
    return Poller(parts)


@pytest.fixture
def passes(agent: Agent, threads: None) -> Iterator[Callable[[Poller, FakeWatcher, float], list[tuple[int, str]]]]:
    """Let seconds pass; when what was looked at."""

    def run(poller: Poller, watcher: FakeWatcher, seconds: float) -> list[tuple[int, str]]:
        began, found = agent.clock.elapsed, []
        while agent.clock.elapsed < began + seconds:
            agent.clock.advance(1)
            before = len(watcher.looks)
            while poller.work(0):
                pass
            found += [(round(agent.clock.elapsed - began), key) for key in watcher.looks[before:]]
        return found

    return run


def test_each_target_is_looked_at_at_its_own_pace(agent, passes) -> None:
    watcher = FakeWatcher(target("slow", interval=60), target("fast", "b", interval=20))
    poller = poller_of(agent, watcher)
    poller.refresh()
    looks = passes(poller, watcher, 65)
    assert [at for at, key in looks if key == "fast"] == [1, 21, 41, 61]
    assert [at for at, key in looks if key == "slow"] == [1, 61]
    assert poller.polls == {"ok": 6, "failed": 0}


def test_what_an_earlier_process_looked_at_keeps_its_pace(agent, passes) -> None:
    watcher = FakeWatcher(target("a"), target("b"), target("c"))
    now = agent.clock.now()
    watcher.last = {"a": now - 50, "b": now + 1000, "c": Transient(Reason.JOURNAL_UNAVAILABLE, "locked")}
    poller = poller_of(agent, watcher)
    poller.refresh()
    assert sorted(passes(poller, watcher, 61)) == [(1, "c"), (11, "a"), (61, "b"), (61, "c")]


def test_a_look_may_ask_to_look_again_sooner_but_never_within_a_second(agent, passes) -> None:
    watcher = FakeWatcher(target("a"))
    watcher.again["a"] = 0.0
    poller = poller_of(agent, watcher)
    poller.refresh()
    assert len(passes(poller, watcher, 10)) == 10
    watcher.again["a"] = 500.0
    passes(poller, watcher, 2)
    assert len(passes(poller, watcher, 60)) == 1


def test_what_is_gone_is_not_looked_at_and_what_is_in_a_hurry_is_looked_at_sooner(agent, passes) -> None:
    watcher = FakeWatcher(target("a", interval=600), target("b"))
    poller = poller_of(agent, watcher)
    poller.refresh()
    passes(poller, watcher, 1)
    watcher.wanted = [target("a", interval=30)]
    watcher.last["a"] = agent.clock.now()
    poller.refresh()
    assert passes(poller, watcher, 61) == [(31, "a"), (61, "a")]


def test_failures_are_told_once_shown_and_tried_later_and_later(agent, passes) -> None:
    watcher = FakeWatcher(target("a", interval=60, triggers=("hub", "other")))
    watcher.errors["a"] = AWAY
    poller = poller_of(agent, watcher)
    poller.refresh()
    assert [at for at, _ in passes(poller, watcher, 1000)] == [1, 61, 181, 421, 901]
    assert agent.messages("TriggerFailed") == ["hub, other: no answer"]
    assert agent.teller.board.looked_at("other").trouble == "RegistryUnavailable: no answer"
    del watcher.errors["a"]
    assert poller.look_now("hub")
    passes(poller, watcher, 1)
    assert agent.messages("TriggerRecovered") == ["hub, other: a answers again"]
    assert agent.teller.board.looked_at("other").trouble == ""
    assert [at for at, _ in passes(poller, watcher, 100)] == [60]


def test_the_longest_delay_is_an_hour_and_a_host_may_ask_for_it(agent, passes) -> None:
    watcher = FakeWatcher(target("a"), target("b", "b"))
    watcher.errors = {"a": Transient(Reason.REGISTRY_RATE_LIMITED, "slow down", retry_after=99_999.0), "b": AWAY}
    poller = poller_of(agent, watcher)
    poller.refresh()
    looks = passes(poller, watcher, 20_000)
    times = [at for at, key in looks if key == "a"]
    assert times[:3] == [1, 3601, 7201]
    assert [at for at, key in looks if key == "b"][-1] - [at for at, key in looks if key == "b"][-2] <= 3840


def test_what_only_a_commit_can_mend_is_looked_at_again_after_a_commit(agent, passes) -> None:
    watcher = FakeWatcher(target("a"), target("b", "b"))
    watcher.errors = {"a": Stalled(Reason.REGISTRY_UNAUTHORIZED, "login refused"), "b": AWAY}
    poller = poller_of(agent, watcher)
    poller.refresh()
    passes(poller, watcher, 2)
    poller.refresh()
    assert passes(poller, watcher, 1) == [(1, "a")]


def test_a_trigger_with_one_good_and_one_bad_place_is_in_trouble_and_told_once(agent, passes) -> None:
    watcher = FakeWatcher(target("a", triggers=("hub",)), target("b", "b", triggers=("hub",)))
    watcher.errors["b"] = AWAY
    poller = poller_of(agent, watcher)
    poller.refresh()
    passes(poller, watcher, 600)
    assert agent.reasons() == ["TriggerFailed"]
    assert agent.teller.board.looked_at("hub").trouble != ""
    watcher.wanted.pop()
    poller.refresh()
    assert agent.teller.board.looked_at("hub").trouble == ""


def test_a_defect_in_a_look_is_tried_again_in_a_minute(agent, passes) -> None:
    watcher = FakeWatcher(target("a", interval=600))
    watcher.errors["a"] = RuntimeError("a bug")
    poller = poller_of(agent, watcher)
    poller.refresh()
    assert [at for at, _ in passes(poller, watcher, 130)] == [1, 61, 121]


def test_nobody_looks_for_a_trigger_that_never_looks(agent, threads) -> None:
    assert not poller_of(agent, FakeWatcher(target("a"))).look_now("ci")


# With threads


@pytest.fixture
def real(agent: Agent) -> Iterator[Callable[[FakeWatcher], Poller]]:
    built: list[Poller] = []
    agent.teller = Teller(agent.chronicle, agent.teller.board, agent.clock)

    def build(watcher: FakeWatcher) -> Poller:
        built.append(poller_of(agent, watcher, SystemClock()))
        built[-1].start()
        built[-1].refresh()
        return built[-1]

    yield build
    for one in built:
        one.stop(4.0)


def test_a_host_that_hangs_holds_up_no_other_host(real) -> None:
    hangs, entered = threading.Event(), threading.Event()
    watcher = FakeWatcher(*(target(f"a{n}", "a") for n in range(20)), *(target(f"b{n}", "b") for n in range(20)))

    def during(key: str) -> None:
        if key.startswith("a"):
            entered.set()
            assert hangs.wait(10)

    watcher.during = during
    real(watcher)
    assert entered.wait(10)
    until(lambda: sum(key.startswith("b") for key in watcher.looks) == 20)
    assert sum(key.startswith("a") for key in watcher.looks) == 1
    hangs.set()
    until(lambda: len(watcher.looks) == 40)
    assert sorted(watcher.looks) == sorted(one.key for one in watcher.wanted)


def test_a_target_is_never_looked_at_by_two(real) -> None:
    watcher = FakeWatcher(target("a"))
    poller = real(watcher)
    for _ in range(50):
        poller.look_now("a")
    until(poller._queue.idle)
    assert watcher.most_at_once == 1


def test_what_waited_for_its_host_and_is_gone_meanwhile_holds_up_nobody(real) -> None:
    hangs, entered = threading.Event(), threading.Event()
    watcher = FakeWatcher(target("a1"))

    def during(key: str) -> None:
        if key == "a1":
            entered.set()
            assert hangs.wait(10)

    watcher.during = during
    poller = real(watcher)
    assert entered.wait(10)
    watcher.wanted = [target(f"a{n}") for n in range(1, 5)]
    poller.refresh()
    until(lambda: len(poller._parked.get("a", ())) == 3)
    watcher.wanted = [target("a1"), target("a4")]
    poller.refresh()
    hangs.set()
    until(lambda: watcher.looks == ["a1", "a4"])


def test_it_ends_while_a_look_hangs(real) -> None:
    hangs, entered = threading.Event(), threading.Event()
    watcher = FakeWatcher(target("a"))
    watcher.during = lambda _: (entered.set(), hangs.wait(10))
    poller = real(watcher)
    assert entered.wait(10)
    poller.stop(0.1)
    hangs.set()
