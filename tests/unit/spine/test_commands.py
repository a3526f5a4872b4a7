"""`run`, `once` and `plan` on an agent between fakes: what they print, what they return, what they leave behind."""

from __future__ import annotations

import argparse
import os
import queue
import signal
import threading
import time

import pytest
from support.git_server import commit, git
from support.house import House
from support.spine import AWAY, Spine, document
from support.writeback import settings_for

from agent.cli import once, plan, run
from agent.cli.main import main
from agent.clock import SystemClock
from agent.core.reasons import Reason
from agent.errors import Stalled, Transient, Usage
from agent.running import quietly

LOCKED = Stalled(Reason.ENGINE_LOCKED, "another agent drives this engine as host edge-1")


@pytest.fixture
def house(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    built = House(Spine(data, clock=SystemClock()))
    yield built
    if not built.spine.stopping.is_set():
        built.spine.stopping.set()
        built.spine.loop.stop(5)
    built.spine.close()


@pytest.fixture
def repo(tmp_path):
    folder = tmp_path / "config"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    return folder


def put(house, **texts: str) -> None:
    house.spine.repository.commit({f"workloads/{name}.yaml": text for name, text in texts.items()})


# once


def test_once_brings_everything_to_rest_writes_back_and_is_content(house, monkeypatch, capsys):
    put(house, shop=document("shop", more="depends_on: [db]\n"), db=document("db"))
    monkeypatch.setattr(once, "build_agent", lambda settings: house.agent())
    monkeypatch.setattr(once, "settings_from", lambda arguments: None)
    assert once.run(argparse.Namespace(timeout=30.0)) == 0
    shown = capsys.readouterr().out.splitlines()
    assert [line.split(") ")[0] for line in shown] == ["db: Synced (Converged", "shop: Synced (Converged"]
    assert sorted(house.spine.recorder.statuses[-1].workloads) == ["db", "shop"]
    assert house.lease.calls == ["acquire"]
    assert house.closed == [None]


def test_once_returns_1_when_a_workload_is_not_well(house, monkeypatch, capsys):
    put(house, shop=document("shop", tag="7"), old=document("old", more="suspend: true\n"))
    monkeypatch.setattr(once, "build_agent", lambda settings: house.agent())
    monkeypatch.setattr(once, "settings_from", lambda arguments: None)
    assert once.run(argparse.Namespace(timeout=30.0)) == 1
    assert "shop: Failed (BackingOff)" in capsys.readouterr().out


def test_once_that_does_not_come_to_rest_in_time_says_so(house, monkeypatch, capsys):
    hang = threading.Event()
    house.spine.engine.pull = lambda *_: hang.wait(20) and None
    put(house, shop=document("shop"))
    monkeypatch.setattr(once, "build_agent", lambda settings: house.agent())
    monkeypatch.setattr(once, "settings_from", lambda arguments: None)
    before = time.monotonic()
    assert once.run(argparse.Namespace(timeout=0.3)) == 1
    assert time.monotonic() - before < 5
    assert "once: not at rest after 0 s" in capsys.readouterr().out
    hang.set()


def test_once_without_a_commit_that_can_be_read_says_why_and_closes(house, monkeypatch):
    house.spine.repository.away = Transient(Reason.REPOSITORY_UNREACHABLE, "no route to git.example.com")
    monkeypatch.setattr(once, "build_agent", lambda settings: house.agent())
    monkeypatch.setattr(once, "settings_from", lambda arguments: None)
    with pytest.raises(Transient, match="no route to git"):
        once.run(argparse.Namespace(timeout=1.0))
    assert house.closed == [None]


def test_once_does_nothing_beside_another_agent(house):
    house.lease.error = LOCKED
    put(house, shop=document("shop"))
    with pytest.raises(Stalled):
        house.agent().once(1.0)
    assert house.spine.engine.containers == {}


# plan


def test_a_preview_says_what_would_be_done_and_does_nothing(house):
    put(house, shop=document("shop"), broken=document("broken", more="no_such: 1\n"))
    desired, plans = house.agent().preview()
    assert [(one.workload, str(one.reason)) for one in plans] == [("broken", "InvalidDocument"), ("shop", "Deploying")]
    assert len(desired.problems) == 1
    assert house.spine.engine.calls == ["list_containers"]
    assert house.lease.calls == []


def arguments(**given: object) -> argparse.Namespace:
    fields = {"from_ref": None, "to_ref": "HEAD", "workload": [], "format": "text", "exit_code": False}
    return argparse.Namespace(**(fields | {"repo": None, "path": None, "host": None} | given))


def test_plan_against_the_engine_prints_and_exits_2_when_asked(house, monkeypatch, capsys):
    put(house, shop=document("shop"), db=document("db"))
    monkeypatch.setattr(plan, "build_agent", lambda settings, scratch: house.agent())
    monkeypatch.setattr(plan, "settings_from", lambda arguments: None)
    assert plan.run(arguments(workload=["shop"])) == 0
    shown = capsys.readouterr().out
    assert "shop: Deploying, first deploy of app:1" in shown
    assert "db:" not in shown
    assert plan.run(arguments(exit_code=True)) == 2
    assert house.closed == [None, None]


def test_plan_closes_the_agent_also_when_the_engine_is_away(house, monkeypatch):
    put(house, shop=document("shop"))
    house.spine.engine.fail("list_containers", AWAY)
    monkeypatch.setattr(plan, "build_agent", lambda settings, scratch: house.agent())
    monkeypatch.setattr(plan, "settings_from", lambda arguments: None)
    with pytest.raises(Transient):
        plan.run(arguments())
    assert house.closed == [None]


def test_plan_of_a_name_that_nobody_has_is_a_mistake(house, monkeypatch):
    put(house, shop=document("shop"))
    monkeypatch.setattr(plan, "build_agent", lambda settings, scratch: house.agent())
    monkeypatch.setattr(plan, "settings_from", lambda arguments: None)
    with pytest.raises(Usage, match="no workload named shpo"):
        plan.run(arguments(workload=["shpo"]))


def plan_between(repo, *words: str) -> int:
    return main(["plan", "--repo", str(repo), "--from", "HEAD~1", *words])


def test_plan_between_two_commits_needs_no_engine(repo, capsys):
    commit(repo, {"workloads/shop.yaml": document("shop")})
    commit(repo, {"workloads/shop.yaml": document("shop", tag="2")})
    assert plan_between(repo) == 0
    assert "image changed app:1 → app:2" in capsys.readouterr().out
    assert plan_between(repo, "--exit-code") == 2
    assert plan_between(repo, "--to", "HEAD~1", "--exit-code") == 0
    assert "Nothing to do for 1 workloads." in capsys.readouterr().out


def test_plan_between_two_commits_shows_what_is_for_any_host_or_for_one(repo, capsys):
    both = {
        "workloads/one.yaml": document("one", more="hosts: [edge-1]\n"),
        "workloads/two.yaml": document("two", more="hosts: [edge-2]\n"),
    }
    commit(repo, {"README.md": "words"})
    commit(repo, both)
    assert plan_between(repo) == 0
    shown = capsys.readouterr().out
    assert "one: Deploying" in shown
    assert "two: Deploying" in shown
    assert plan_between(repo, "--host", "edge-2") == 0
    shown = capsys.readouterr().out
    assert "one: Deploying" not in shown
    assert "two: Deploying" in shown


def test_plan_between_two_commits_exits_1_for_problems(repo, capsys):
    commit(repo, {"workloads/shop.yaml": document("shop")})
    commit(repo, {"workloads/shop.yaml": document("shop", more="no_such: 1\n")})
    assert plan_between(repo, "--exit-code") == 1
    assert "workloads/shop.yaml:4:1: error" in capsys.readouterr().err


# run


class Recording:
    """An agent that remembers what it was told."""

    def __init__(self, log: list[str], settings) -> None:
        self.log = log
        self.settings = settings

    def stop(self) -> None:
        self.log.append(f"stop {self.settings.host}")

    def settings_refused(self, why: str) -> None:
        self.log.append(f"refused {why}")

    def settings_unchanged(self) -> None:
        self.log.append("unchanged")

    def settings_reloaded(self) -> None:
        self.log.append(f"reloaded {self.settings.host}")


@pytest.fixture
def running(monkeypatch, tmp_path):
    """`run` in this thread; each answer to a reload is followed by the next signal."""
    log: list[str] = []
    answers: list[object] = []

    def settings_from(arguments):
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return settings_for(tmp_path, "https://git.example.com/config.git", host=answer)

    def start_agent(settings):
        log.append(f"start {settings.host}")
        if settings.host == "taken":
            raise LOCKED
        return Recording(log, settings)

    monkeypatch.setattr(run, "settings_from", settings_from)
    monkeypatch.setattr(run, "start_agent", start_agent)
    monkeypatch.setattr(run, "_abandon", lambda: log.append("abandon"))
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}

    def go(signals: list[int], given: list[object]) -> list[str]:
        answers[:] = given
        threading.Timer(0.1, lambda: [os.kill(os.getpid(), number) for number in signals]).start()
        assert run.run(argparse.Namespace()) == 0
        return log

    yield go
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_run_ends_in_order_when_told_to(running, number, capsys):
    assert running([number], ["edge-1"]) == ["start edge-1", "stop edge-1"]
    assert "host edge-1 follows main; page at http://127.0.0.1:8420/" in capsys.readouterr().out


def test_what_hangs_at_the_end_is_abandoned_in_time(running, monkeypatch):
    monkeypatch.setattr(run, "DEADLINE", 0.05)
    monkeypatch.setattr(Recording, "stop", lambda agent: time.sleep(0.5))
    assert running([signal.SIGTERM], ["edge-1"]) == ["start edge-1", "abandon"]


def test_a_hangup_with_the_same_settings_leaves_the_agent_alone(monkeypatch, running):
    monkeypatch.setattr(queue, "SimpleQueue", lambda: Signals([signal.SIGHUP, signal.SIGTERM]))
    assert running([], ["edge-1", "edge-1"]) == ["start edge-1", "unchanged", "stop edge-1"]


def test_a_hangup_with_wrong_settings_is_refused(monkeypatch, running):
    monkeypatch.setattr(queue, "SimpleQueue", lambda: Signals([signal.SIGHUP, signal.SIGTERM]))
    wrong = Usage("concurrency: expected a number, found many")
    assert running([], ["edge-1", wrong]) == [
        "start edge-1",
        "refused concurrency: expected a number, found many",
        "stop edge-1",
    ]


def test_a_hangup_with_other_settings_starts_anew(monkeypatch, running):
    monkeypatch.setattr(queue, "SimpleQueue", lambda: Signals([signal.SIGHUP, signal.SIGTERM]))
    assert running([], ["edge-1", "edge-2"]) == [
        "start edge-1",
        "stop edge-1",
        "start edge-2",
        "reloaded edge-2",
        "stop edge-2",
    ]


def test_other_settings_with_which_it_cannot_start_leave_it_running_with_those_of_before(monkeypatch, running):
    monkeypatch.setattr(queue, "SimpleQueue", lambda: Signals([signal.SIGHUP, signal.SIGTERM]))
    assert running([], ["edge-1", "taken"]) == [
        "start edge-1",
        "stop edge-1",
        "start taken",
        "start edge-1",
        f"refused {LOCKED}",
        "stop edge-1",
    ]


class Signals:
    """Signals in a row; before each, once nothing."""

    def __init__(self, numbers: list[int]) -> None:
        self.numbers = numbers
        self.looked = 0

    def put(self, number: int) -> None:
        self.numbers.append(number)

    def get(self, timeout: float) -> int:
        assert timeout <= 1.0
        self.looked += 1
        if self.looked % 2:
            raise queue.Empty
        return self.numbers.pop(0)


# The agent as commands see it


def test_an_agent_takes_the_engine_before_it_begins_and_ends_with_its_page(house):
    ended = []
    agent = house.agent()
    agent.start(lambda: ended.append("page"))
    assert house.lease.calls == ["acquire"]
    agent.stop()
    assert ended == ["page"]
    assert house.lease.calls == ["acquire", "release"]
    assert house.closed == [None]
    reasons = house.spine.reasons()
    assert reasons[0] == "AgentStarted"
    assert "AgentStopping" in reasons


def test_an_agent_that_may_not_drive_the_engine_does_not_begin(house):
    house.lease.error = LOCKED
    with pytest.raises(Stalled):
        house.agent().start(lambda: None)
    assert house.spine.reasons() == []
    assert house.spine.loop._threads == []


def test_what_became_of_a_reload_is_in_the_event_log(house):
    agent = house.agent()
    agent.settings_unchanged()
    agent.settings_reloaded()
    agent.settings_refused("concurrency: expected a number")
    newest = house.spine.journal.recent_events(3)
    assert [str(one.reason) for one in newest] == ["InvalidSettings", "SettingsReloaded", "SettingsReloaded"]
    assert newest[0].severity == "error"
    assert "concurrency: expected a number" in newest[0].message


def test_at_the_end_a_failure_to_close_concerns_nobody_but_a_bug_does():
    def away() -> None:
        raise AWAY

    def bug() -> None:
        raise ValueError("a bug")

    quietly(away)()
    with pytest.raises(ValueError, match="a bug"):
        quietly(bug)()
