"""Quarantine outlives the process, holds double, repairs are counted in a window, and no clock that jumps matters."""

from __future__ import annotations

import pytest
from fakes.clock import FakeClock

from agent.chronicle import timestamp
from agent.failures import FIRST_DELAY, LONGEST_DELAY, REPAIR_WINDOW, Failures
from agent.journal.journal import SqliteJournal

WHY = ("HealthTimeout", "GET / answered 500")


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def journal(tmp_path, clock):
    opened = SqliteJournal(tmp_path, clock)
    yield opened
    opened.close()


@pytest.fixture
def failures(journal, clock):
    return Failures(journal, clock)


def test_a_quarantined_version_is_known_after_a_restart(journal, clock, failures):
    failures.quarantine("a1", "1:f", "abc", WHY)
    again = Failures(journal, clock)
    assert again.reasons("a1") == {"1:f": "HealthTimeout: GET / answered 500"}
    entry = again.quarantine_of("a1", "1:f")
    assert (entry.reason, entry.message, entry.revision, entry.since) == (*WHY, "abc", timestamp(clock.now()))
    assert again.quarantine_of("a1", "1:other") is None
    assert again.reasons("b2") == {}


def test_lifting_forgets_all_versions_but_the_one_to_keep_for_good(journal, clock, failures):
    for fingerprint in ("1:f", "1:e"):
        failures.quarantine("a1", fingerprint, "abc", WHY)
    failures.quarantine("b2", "1:f", "abc", WHY)
    failures.lift("a1", keep="1:e")
    for known in (failures, Failures(journal, clock)):
        assert list(known.reasons("a1")) == ["1:e"]
        assert list(known.reasons("b2")) == ["1:f"]
    failures.lift("a1")
    assert Failures(journal, clock).reasons("a1") == {}


def test_the_first_try_is_held_for_a_moment_and_each_next_one_twice_as_long_up_to_a_limit(clock, failures):
    delays = []
    for _ in range(9):
        hold = failures.hold("a1", "1:f", WHY)
        delays.append(round(failures.remaining(hold), 6))
        clock.advance(delays[-1])
        assert failures.held("a1") is None
    assert delays[:4] == [FIRST_DELAY, 2 * FIRST_DELAY, 4 * FIRST_DELAY, 8 * FIRST_DELAY]
    assert delays[-1] == LONGEST_DELAY
    assert max(delays) == LONGEST_DELAY
    assert hold.attempts == 9


def test_a_deploy_that_took_starts_the_attempts_anew(failures):
    failures.hold("a1", "1:f", WHY)
    failures.hold("a1", "1:f", WHY)
    failures.succeeded("a1", "1:f")
    assert failures.held("a1") is None
    assert failures.hold("a1", "1:f", WHY).attempts == 1


def test_going_back_with_success_does_not_free_the_version_that_failed(failures):
    failures.hold("a1", "1:f", WHY)
    failures.succeeded("a1")
    failures.succeeded("a1", "1:e")
    assert failures.held("a1") is not None
    assert failures.hold("a1", "1:f", WHY).attempts == 2


def test_any_success_ends_a_hold_on_everything(failures):
    failures.hold("a1", "1:f", WHY, everything=True)
    failures.succeeded("a1")
    failures.succeeded("b2")
    assert failures.held("a1") is None


def test_another_version_starts_its_own_attempts(failures):
    failures.hold("a1", "1:f", WHY)
    assert failures.hold("a1", "1:e", WHY).attempts == 1


def test_who_is_asked_to_wait_longer_waits_longer_but_no_more_than_an_hour(failures):
    assert failures.remaining(failures.hold("a1", "1:f", WHY, retry_after=60)) == 60
    assert failures.remaining(failures.hold("b2", "1:f", WHY, retry_after=1)) == FIRST_DELAY
    assert failures.remaining(failures.hold("c3", "1:f", WHY, retry_after=1e9)) == 3600


def test_a_hold_stands_among_the_reasons_while_it_lasts(clock, failures):
    failures.hold("a1", "1:f", WHY)
    assert failures.reasons("a1") == {"1:f": "HealthTimeout: GET / answered 500"}
    clock.advance(FIRST_DELAY)
    assert failures.reasons("a1") == {}


def test_a_hold_on_everything_is_no_reason_against_one_version(failures):
    hold = failures.hold("a1", "1:f", WHY, everything=True)
    assert failures.held("a1") is hold
    assert failures.reasons("a1") == {}


def test_quarantine_explains_a_version_better_than_a_hold(failures):
    failures.hold("a1", "1:f", ("PortTaken", "later"))
    failures.quarantine("a1", "1:f", "abc", WHY)
    assert failures.reasons("a1") == {"1:f": "HealthTimeout: GET / answered 500"}


def test_lifting_frees_a_held_version_unless_it_is_kept(failures):
    failures.hold("a1", "1:f", WHY)
    failures.lift("a1", keep="1:f")
    assert failures.held("a1") is not None
    failures.lift("a1", keep="1:e")
    assert failures.held("a1") is None


def test_lifting_what_is_not_there_writes_nothing(failures, journal, monkeypatch):
    monkeypatch.setattr(journal, "lift_quarantine", lambda *_: pytest.fail("a write for nothing"))
    failures.lift("a1")
    failures.lift("a1", keep="1:f")


@pytest.mark.parametrize("seconds", [-86400.0, 86400.0])
def test_a_clock_that_jumps_neither_frees_nor_locks(clock, failures, seconds):
    failures.hold("a1", "1:f", WHY)
    failures.repaired("a1")
    clock.jump(seconds)
    assert failures.held("a1") is not None
    assert failures.repairs("a1") == (clock.now(),)
    clock.advance(FIRST_DELAY + 0.1)
    assert failures.held("a1") is None


def test_repairs_are_counted_within_the_window_and_told_as_times_of_day(clock, failures):
    failures.repaired("a1")
    first = clock.now()
    clock.advance(REPAIR_WINDOW - 10)
    failures.repaired("a1")
    assert failures.repairs("a1") == (first, clock.now())
    assert failures.repairs("b2") == ()
    clock.advance(10)
    assert len(failures.repairs("a1")) == 1
    clock.advance(REPAIR_WINDOW)
    assert failures.repairs("a1") == ()


def test_repairs_and_holds_start_anew_with_the_process(journal, clock, failures):
    failures.repaired("a1")
    failures.hold("a1", "1:f", WHY)
    again = Failures(journal, clock)
    assert again.repairs("a1") == ()
    assert again.held("a1") is None


def test_the_repairs_kept_do_not_grow_without_end(clock, failures):
    for _ in range(1000):
        failures.repaired("a1")
        clock.advance(60)
    assert len(failures._repairs["a1"]) <= REPAIR_WINDOW / 60 + 1
