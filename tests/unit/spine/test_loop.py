"""Whatever happens only enqueues; the engine may go and come back, and no bug takes a worker along."""

from __future__ import annotations

import threading
import time

import pytest
from fakes.engine import FakeEngine
from support.spine import AWAY, Spine, document

from agent.clock import SystemClock
from agent.core.reasons import Reason
from agent.errors import Stalled, Transient
from agent.ports import EngineEvent

UNWRITABLE = Transient(Reason.JOURNAL_UNAVAILABLE, "the disk is full", retry_after=3.0)
CONVERGED = ("Synced", "Converged")


def until(true, what: str, seconds: float = 8.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.005)


class Streamed(FakeEngine):
    """Its event stream gives what a test puts into `parts`: events, or errors to raise; then it is over."""

    parts: list[list[object]]

    def events(self, stop):
        for one in self.parts.pop(0) if self.parts else ():
            if isinstance(one, Exception):
                raise one
            yield one


@pytest.fixture
def live(tmp_path):
    """The same parts with threads and a real clock."""
    built = Spine(tmp_path, clock=SystemClock())
    yield built
    built.stopping.set()
    assert built.loop.stop(5)
    built.close()


def keys(spine) -> set[str]:
    found = set()
    while (taken := spine.queue.take(timeout=0)) is not None:
        spine.queue.done(taken[0])
        found.add(taken[0])
    return found


def id_of(spine, name: str) -> str:
    return next(one.id for one in spine.follower.state.by_id.values() if one.name == name)


# What enqueues what


def test_everything_known_to_git_the_engine_or_the_board_is_looked_at(spine):
    spine.deploy({"shop": document("shop"), "db": document("db")})
    shop, db = id_of(spine, "shop"), id_of(spine, "db")
    spine.commit({"shop": None, "broken": document("broken", more="no_such: 1\n")})
    broken = next(iter(spine.follower.state.desired.invalid))
    assert keys(spine) == {shop, db, broken}


def test_a_record_that_is_synced_wakes_those_that_depend_on_it_and_nobody_else(spine):
    files = {"db": document("db"), "shop": document("shop", more="depends_on: [db]\n"), "other": document("other")}
    spine.deploy(files)
    db = spine.status("db")
    keys(spine)
    spine.loop._recorded(db)
    assert keys(spine) == {id_of(spine, "shop")}


def test_who_joins_the_network_of_a_workload_is_woken_by_it_too(spine):
    joined = "kind: Workload\nname: tap\nsource: {kind: image, image: app, tag: '1', networks: ['workload:shop']}\n"
    spine.deploy({"shop": document("shop"), "tap": joined})
    keys(spine)
    spine.loop._recorded(spine.status("shop"))
    assert keys(spine) == {id_of(spine, "tap")}


def test_a_record_that_is_not_synced_wakes_nobody(spine):
    spine.deploy({"db": document("db", tag="7"), "shop": document("shop", more="depends_on: [db]\n")})
    keys(spine)
    spine.loop._recorded(spine.status("db"))
    assert keys(spine) == set()


def test_a_resync_lists_once_and_looks_at_everything(spine):
    spine.deploy({"shop": document("shop"), "db": document("db")})
    spine.look()
    lists, passes = spine.observer.list_calls, spine.loop.passes
    spine.look()
    assert spine.observer.list_calls == lists + 1
    assert spine.loop.passes == passes + 2


# The engine goes and comes back


def test_an_engine_that_is_away_is_told_once_and_everything_is_looked_at_when_it_is_back(spine):
    spine.deploy({"shop": document("shop")})
    for _ in range(2):
        spine.engine.fail("list_containers", AWAY)
        spine.loop.resync()
    assert spine.board.status().conditions["engine"].startswith("EngineUnreachable")
    assert keys(spine) == set()
    spine.engine.kill(next(iter(spine.engine.containers)))
    spine.loop.check_engine()
    spine.drain()
    assert spine.board.conditions == ()
    assert spine.phase("shop") == CONVERGED
    assert list(spine.engine.names().values()) == ["running"]
    assert [one for one in spine.reasons() if one.startswith("Engine")] == ["EngineUnreachable", "EngineRecovered"]


def test_while_the_engine_answers_nobody_asks_for_it(spine):
    spine.loop.check_engine()
    assert spine.engine.calls == []


def test_an_engine_that_goes_during_a_pass_leaves_the_record_as_it_was(spine):
    spine.deploy({"shop": document("shop")})
    before = spine.status("shop")
    spine.engine.fail("list_containers", AWAY)
    spine.queue.add(before.id)
    spine.drain()
    assert "engine" in spine.board.conditions
    assert spine.status("shop") == before


# What goes wrong


def test_hands_off_while_another_agent_drives_the_engine(spine):
    spine.board.condition("lease", "EngineLocked: another agent")
    spine.deploy({"shop": document("shop")})
    assert spine.engine.containers == {}
    assert spine.loop.passes == 0
    spine.board.condition("lease", None)
    spine.clock.advance(5.1)
    spine.drain()
    assert spine.phase("shop") == CONVERGED


def test_an_error_of_the_agents_own_is_a_condition_until_a_pass_succeeds(spine, monkeypatch):
    spine.commit({"shop": document("shop")})
    real = spine.reconciler.reconcile
    errors = [UNWRITABLE, Stalled(Reason.JOURNAL_UNAVAILABLE, "read only")]

    def reconcile(key, requested):
        if errors:
            raise errors.pop(0)
        return real(key, requested)

    monkeypatch.setattr(spine.reconciler, "reconcile", reconcile)
    spine.drain()
    assert spine.board.status().conditions["agent"] == "JournalUnavailable: the disk is full"
    spine.clock.advance(2.5)
    spine.drain()
    assert len(errors) == 1, "not before retry_after"
    spine.clock.advance(1)
    spine.drain()
    assert errors == []
    spine.clock.advance(10)
    spine.drain()
    assert spine.board.conditions == ()
    assert spine.phase("shop") == CONVERGED


def test_a_bug_in_a_pass_is_an_event_and_the_key_comes_again(spine, monkeypatch, caplog):
    spine.deploy({"shop": document("shop")})
    real = spine.reconciler.reconcile
    bugs = [ValueError("a bug")]

    def reconcile(key, requested):
        if bugs:
            raise bugs.pop()
        return real(key, requested)

    monkeypatch.setattr(spine.reconciler, "reconcile", reconcile)
    spine.look()
    [event] = spine.journal.recent_events(1)
    assert (str(event.reason), event.workload) == ("InternalError", "shop")
    assert "ValueError: a bug" in event.message
    assert "Traceback" in caplog.text
    passes = spine.loop.passes
    spine.clock.advance(31)
    spine.drain()
    assert spine.loop.passes == passes + 1


def test_workers_outlive_a_journal_that_takes_no_event(live, monkeypatch, caplog):
    """The worst moment: a pass fails, and that cannot be written either."""
    live.commit({"shop": document("shop")})
    keys(live)
    real_write, real_pass = live.chronicle.write, live.reconciler.reconcile
    broken = threading.Event()
    broken.set()

    def write(note):
        if broken.is_set():
            raise UNWRITABLE
        return real_write(note)

    def reconcile(key, requested):
        if broken.is_set():
            raise AWAY if key.startswith("away") else ValueError("a bug")
        return real_pass(key, requested)

    monkeypatch.setattr(live.chronicle, "write", write)
    monkeypatch.setattr(live.reconciler, "reconcile", reconcile)
    live.loop.start_workers()
    for number in range(8):
        live.queue.add(f"away{number}" if number % 2 else f"bug{number}")
    until(live.queue.idle, "the keys are not worked on")
    broken.clear()
    live.queue.add(id_of(live, "shop"))
    until(lambda: live.board.named("shop") and live.phase("shop") == CONVERGED, "no worker is left")
    assert "the disk is full" in caplog.text


# Threads


def test_the_first_pass_is_done_when_a_commit_was_read_and_nothing_is_left_to_do(live):
    live.loop.start_workers()
    live.queue.add("nobody")
    until(live.queue.idle, "the key is not worked on")
    assert not live.loop.first_pass_done.is_set()
    live.commit({"shop": document("shop")})
    until(live.loop.first_pass_done.is_set, "the first pass does not end")
    assert live.phase("shop") == CONVERGED


def test_engine_events_lead_to_a_repair_within_a_second(live):
    live.loop.start()
    live.commit({"shop": document("shop"), "db": document("db")})
    until(lambda: live.board.named("shop") and live.phase("shop") == CONVERGED, "shop is not deployed")
    live.engine.kill(live.engine.named(live.status("shop").containers[0].name).id)
    before = time.monotonic()
    until(lambda: "Repaired" in live.reasons("shop"), "shop is not repaired")
    assert time.monotonic() - before < 3  # a second for the gate, and some for a busy machine


def test_one_slow_workload_does_not_delay_another(live):
    hold = threading.Event()
    real = live.engine.pull

    def pull(image, *rest):
        if image == "app:2":
            hold.wait(10)
        return real(image, *rest)

    live.engine.pull = pull
    live.loop.start_workers()
    live.commit({"slow": document("slow", tag="2"), "quick": document("quick")})
    until(lambda: live.board.named("quick") and live.phase("quick") == CONVERGED, "quick waits for slow")
    assert live.phase("slow") == ("Progressing", "Deploying")
    hold.set()
    until(lambda: live.phase("slow") == CONVERGED, "slow does not end")


def test_stopping_says_so_when_a_worker_does_not_end_in_time(live):
    hold = threading.Event()
    begun = threading.Event()

    def pull(image, *rest):
        begun.set()
        hold.wait(10)

    live.engine.pull = pull
    live.loop.start_workers()
    live.commit({"shop": document("shop")})
    assert begun.wait(5)
    live.stopping.set()
    before = time.monotonic()
    assert not live.loop.stop(0.1)
    assert time.monotonic() - before < 2
    hold.set()


@pytest.fixture
def streamed(tmp_path):
    built = Spine(tmp_path, engine=Streamed())
    built.engine.clock = built.clock
    built.engine.parts = []
    yield built
    built.close()


def listen(spine, *parts: object) -> None:
    """Listen until the stream has given all of its parts."""
    spine.engine.parts = [list(part) for part in parts]
    spine.clock.on_wait[:] = [lambda elapsed: spine.stopping.set() if not spine.engine.parts else None]
    spine.loop._listen()


def test_a_gap_in_the_stream_means_looking_at_everything_again(streamed):
    streamed.deploy({"shop": document("shop"), "db": document("db")})
    lists, inspections = streamed.observer.list_calls, streamed.engine.calls.count("inspect")
    listen(streamed, [EngineEvent(lost=True)])
    assert streamed.observer.list_calls == lists + 1
    assert keys(streamed) == {id_of(streamed, "shop"), id_of(streamed, "db")}
    streamed.stopping.clear()
    streamed.look()
    assert streamed.engine.calls.count("inspect") > inspections, "what was inspected before the gap does not count"


def test_an_event_looks_at_its_workload_alone_and_others_are_ignored(streamed):
    streamed.deploy({"shop": document("shop"), "db": document("db")})
    shop = id_of(streamed, "shop")
    listen(
        streamed,
        [
            EngineEvent(action="die", container_id="c1", workload_id=shop),
            EngineEvent(action="exec_start", workload_id="x"),
        ],
    )
    assert keys(streamed) == {shop}


def test_a_stream_that_breaks_is_opened_again(streamed, caplog):
    streamed.deploy({"shop": document("shop")})
    listen(streamed, [AWAY], [ValueError("a bug")], [EngineEvent(action="start", container_id="c", workload_id="w")])
    assert keys(streamed) == {"w"}
    assert "EngineUnreachable" in streamed.reasons()
    assert "a bug" in caplog.text


def test_listening_goes_on_when_even_the_trouble_cannot_be_written(streamed, monkeypatch, caplog):
    streamed.deploy({"shop": document("shop")})
    monkeypatch.setattr(streamed.chronicle, "write", lambda note: (_ for _ in ()).throw(UNWRITABLE))
    listen(streamed, [AWAY], [EngineEvent(action="start", container_id="c", workload_id="w")])
    assert keys(streamed) == {"w"}
    assert "the disk is full" in caplog.text
