"""An agent starts, ticks, outlives bugs, and ends within ten seconds whatever hangs."""

from __future__ import annotations

import threading
import time

import pytest
from support.house import House
from support.spine import AWAY, Spine, document

from agent.clock import SystemClock
from agent.core.reasons import Reason
from agent.errors import Stalled, Transient

LOCKED = Stalled(Reason.ENGINE_LOCKED, "another agent drives this engine as host edge-1")
UNWRITABLE = Transient(Reason.JOURNAL_UNAVAILABLE, "the disk is full")


@pytest.fixture
def house(spine):
    """Nothing runs by itself; time passes when told."""
    return House(spine)


@pytest.fixture
def live(tmp_path):
    """Real threads and a real clock."""
    built = House(Spine(tmp_path, clock=SystemClock()))
    yield built
    if not built.spine.stopping.is_set():
        built.daemon.stop()
    built.spine.close()


def until(true, what: str, seconds: float = 8.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.005)


def synced(spine, name: str) -> bool:
    return spine.board.named(name) is not None and spine.phase(name) == ("Synced", "Converged")


def conditions(house) -> dict[str, str]:
    return dict(house.spine.board.status().conditions)


# What a tick does


def test_a_tick_renews_the_lease_when_it_is_time(house):
    house.tick()
    assert house.lease.calls == []
    house.spine.clock.advance(10)
    house.tick()
    house.tick()
    assert house.lease.calls == ["renew"]


def test_a_lease_that_is_lost_is_a_condition_told_once_and_goes_when_it_is_back(house):
    house.lease.error = LOCKED
    for _ in range(3):
        house.spine.clock.advance(10)
        house.tick()
    assert conditions(house) == {"lease": f"EngineLocked: {LOCKED}"}
    assert house.spine.reasons() == ["EngineLocked"]
    house.lease.error = None
    house.spine.clock.advance(10)
    house.tick()
    assert conditions(house) == {}


def test_a_secret_that_changed_makes_everything_be_looked_at(house):
    house.spine.deploy({"shop": document("shop", more="env: {KEY: {secret: key}}\n")})
    assert house.spine.phase("shop")[1] == "SecretMissing"
    house.spine.secrets.values["key"] = "swordfish-42"
    house.spine.clock.advance(10)
    house.tick()
    house.spine.drain()
    assert house.spine.phase("shop")[1] == "SecretMissing", "nothing told that it changed"
    house.secrets_changed = True
    house.spine.clock.advance(10)
    house.tick()
    house.spine.drain()
    assert synced(house.spine, "shop")


@pytest.mark.parametrize(("seconds", "word"), [(3600.0, "+3600 s"), (-90.0, "-90 s")])
def test_a_clock_that_jumps_is_told_once(house, seconds, word):
    house.spine.clock.jump(seconds)
    house.tick()
    house.tick()
    [event] = house.spine.journal.recent_events(10)
    assert str(event.reason) == "ClockJumped"
    assert word in event.message


def test_time_that_passes_and_a_clock_that_is_corrected_a_little_are_no_jump(house):
    house.spine.clock.advance(86400)
    house.spine.clock.jump(5)
    house.tick()
    assert "ClockJumped" not in house.spine.reasons()


def test_what_happened_to_the_journal_is_told_once_each(house):
    house.health.notes = ("it was broken and made anew",)
    house.tick()
    house.tick()
    house.health.notes += ("and again",)
    house.tick()
    messages = [one.message for one in house.spine.journal.recent_events(10)]
    assert messages == ["and again", "it was broken and made anew"]


def test_a_journal_in_trouble_is_a_condition_until_it_is_over(house):
    house.health.trouble = UNWRITABLE
    house.tick()
    house.tick()
    assert conditions(house) == {"journal": "JournalUnavailable: the disk is full"}
    assert house.spine.reasons() == ["JournalUnavailable"]
    house.health.trouble = None
    house.tick()
    assert conditions(house) == {}
    assert house.spine.reasons() == ["JournalUnavailable"]


def test_a_tick_asks_for_an_engine_that_is_away(house):
    house.spine.deploy({"shop": document("shop")})
    house.spine.engine.fail("list_containers", AWAY)
    house.spine.loop.resync()
    assert "engine" in conditions(house)
    house.tick()
    assert conditions(house) == {}


# Fetching


def test_a_fetch_that_fails_makes_the_next_one_wait_longer_until_one_succeeds(house):
    house.spine.repository.away = Transient(Reason.REPOSITORY_UNREACHABLE, "no route")
    house.daemon.follow()
    house.daemon.follow()
    assert house.schedule.failures == 2
    house.spine.repository.away = None
    house.daemon.follow()
    assert house.schedule.failures == 0


def test_a_fetch_that_brings_something_new_enqueues_it(house):
    house.spine.repository.commit({"workloads/shop.yaml": document("shop")})
    house.daemon.follow()
    house.spine.drain()
    assert synced(house.spine, "shop")


def test_a_commit_is_acted_upon_although_nothing_can_be_written_about_it(house, monkeypatch):
    house.spine.repository.commit({"workloads/shop.yaml": document("shop")})
    with monkeypatch.context() as broken:
        broken.setattr(house.spine.chronicle, "write", lambda note: (_ for _ in ()).throw(UNWRITABLE))
        with pytest.raises(Transient, match="the disk is full"):
            house.daemon.follow()
    house.spine.drain()
    assert synced(house.spine, "shop")


# The whole life


def test_a_commit_is_deployed_after_the_start_and_the_next_when_told(live):
    live.spine.repository.commit({"workloads/shop.yaml": document("shop")})
    live.daemon.start()
    until(lambda: synced(live.spine, "shop"), "shop is not deployed at the start")
    live.spine.repository.commit({"workloads/db.yaml": document("db")})
    live.daemon.config_moved()
    until(lambda: synced(live.spine, "db"), "db is not deployed when told")


def test_a_local_repository_that_moves_is_fetched_at_once_also_after_watching_failed(live, monkeypatch, caplog):
    monkeypatch.setattr(live.spine.stopping, "wait", lambda seconds: None)
    live.spine.repository.watch_error = Transient(Reason.REPOSITORY_UNREACHABLE, "too many watches")
    live.daemon.start()
    until(lambda: live.spine.repository.fetches == 1, "it does not fetch at the start")
    live.spine.repository.commit({"workloads/shop.yaml": document("shop")})
    live.spine.repository.move()
    until(lambda: live.spine.follower.state.desired is not None, "the commit is not seen")
    assert "too many watches" in caplog.text


def test_a_remote_repository_is_not_watched_in_a_loop(live, monkeypatch):
    watched = []
    monkeypatch.setattr(live.spine.repository, "watch", lambda stop: iter(watched.append(None) or ()))
    live.daemon.start()
    live.daemon._watcher.join(5)
    assert watched == [None]


def test_a_bug_in_a_thread_is_told_and_the_thread_goes_on(live, monkeypatch, caplog):
    real = live.spine.follower.follow
    bugs = [ValueError("a bug")]

    def follow() -> bool:
        if bugs:
            raise bugs.pop()
        return real()

    monkeypatch.setattr(live.spine.follower, "follow", follow)
    live.spine.repository.commit({"workloads/shop.yaml": document("shop")})
    live.daemon.start()
    until(lambda: "InternalError" in live.spine.reasons(), "nobody is told")
    assert "a defect in the agent (follow): ValueError: a bug" in live.spine.journal.recent_events(1)[0].message
    live.daemon.config_moved()
    until(lambda: synced(live.spine, "shop"), "the thread is gone")
    assert "Traceback" in caplog.text


def test_a_bug_that_cannot_be_recorded_is_in_the_log(house, monkeypatch, caplog):
    monkeypatch.setattr(house.spine.chronicle, "write", lambda note: (_ for _ in ()).throw(UNWRITABLE))
    house.daemon._bug("flush", ValueError("a bug"))
    assert "a bug" in caplog.text
    assert "the disk is full" in caplog.text


# The end


def test_an_orderly_end_says_goodbye_flushes_and_gives_the_engine_back(live):
    live.spine.repository.commit({"workloads/shop.yaml": document("shop")})
    live.daemon.start()
    until(lambda: synced(live.spine, "shop"), "shop is not deployed")
    before = time.monotonic()
    live.daemon.stop()
    assert time.monotonic() - before < 3
    assert live.spine.recorder.messages[-1] == "the agent stops; what runs keeps running"
    assert live.lease.calls == ["release"]
    assert list(live.spine.engine.names().values()) == ["running"]
    assert not any(thread.is_alive() for thread in live.spine.loop._threads)


def test_the_end_comes_within_ten_seconds_while_a_pull_and_the_remote_hang(live):
    hang = threading.Event()
    pulling = threading.Event()

    def pull(*_: object) -> None:
        pulling.set()
        hang.wait(60)

    live.spine.engine.pull = pull
    live.spine.recorder.before = lambda: hang.wait(60) and None
    live.spine.repository.commit({"workloads/shop.yaml": document("shop")})
    live.daemon.start()
    assert pulling.wait(5)
    before = time.monotonic()
    live.daemon.stop()
    assert time.monotonic() - before < 8  # two more are for the page
    assert live.lease.calls == ["release"]
    hang.set()


def test_the_end_comes_although_the_engine_does_not_answer_any_more(live):
    hang = threading.Event()
    live.daemon.start()
    live.lease.before = lambda: hang.wait(60)
    before = time.monotonic()
    live.daemon.stop()
    assert time.monotonic() - before < 4
    hang.set()


def test_a_last_flush_that_fails_is_in_the_log(live, monkeypatch, caplog):
    live.daemon.start()
    monkeypatch.setattr(live.spine.flusher, "flush", lambda: (_ for _ in ()).throw(UNWRITABLE))
    live.daemon.stop()
    assert "the last flush failed" in caplog.text


def test_a_lease_that_cannot_be_given_back_does_not_keep_the_agent_from_ending(live, caplog):
    live.daemon.start()
    live.lease.error = AWAY
    live.daemon.stop()
    assert "the lease stays until it expires" in caplog.text


def test_a_goodbye_that_cannot_be_written_does_not_keep_the_agent_from_ending(live, monkeypatch, caplog):
    live.daemon.start()
    monkeypatch.setattr(live.spine.chronicle, "write", lambda note: (_ for _ in ()).throw(UNWRITABLE))
    live.daemon.stop()
    assert live.lease.calls == ["release"]
    assert not any(thread.is_alive() for thread in live.spine.loop._threads)
    assert "the disk is full" in caplog.text
