"""What is new goes to git in batches and in order; what failed goes later, nothing is lost or sent twice."""

from __future__ import annotations

import threading

import pytest

from agent import flusher as module
from agent.chronicle import Note
from agent.core.deliveries import DeliveryRecord
from agent.core.reasons import Reason
from agent.errors import Transient
from agent.flusher import LONGEST_WAIT, Flusher

GONE = Transient(Reason.WRITE_BACK_FAILED, "the remote is away")


def say(spine, *messages: str) -> None:
    for message in messages:
        spine.chronicle.write(Note(reason=Reason.HEALTHY, message=message))


def test_the_first_flush_writes_the_status_even_where_nothing_happened_yet(spine):
    assert spine.flusher.flush()
    assert len(spine.recorder.statuses) == 1


def test_nothing_new_writes_nothing(spine):
    say(spine, "one")
    spine.flusher.flush()
    assert spine.flusher.flush()
    assert len(spine.recorder.statuses) == 1
    assert spine.flusher.flushes == {"ok": 1, "failed": 0}


def test_a_change_of_status_alone_is_written(spine):
    spine.flusher.flush()
    spine.board.condition("engine", "away")
    spine.flusher.flush()
    assert spine.recorder.statuses[-1].conditions == {"engine": "away"}
    assert spine.recorder.batches[-1] == []


def test_a_change_while_flushing_is_written_by_the_next_flush(spine):
    spine.recorder.before = lambda: spine.board.condition("engine", "away")
    spine.flusher.flush()
    spine.recorder.before = lambda: None
    spine.flusher.flush()
    assert len(spine.recorder.statuses) == 2


def test_events_are_written_once_and_in_order(spine):
    say(spine, "one", "two")
    spine.flusher.flush()
    say(spine, "three")
    spine.flusher.flush()
    assert spine.recorder.messages == ["one", "two", "three"]


def test_more_events_than_a_batch_holds_go_in_several_batches_of_one_flush(spine, monkeypatch):
    monkeypatch.setattr(module, "BATCH", 3)
    say(spine, *map(str, range(8)))
    assert spine.flusher.flush()
    assert [len(batch) for batch in spine.recorder.batches] == [3, 3, 2]
    assert spine.recorder.messages == [str(number) for number in range(8)]


def test_what_could_not_be_written_is_kept_told_once_and_written_later_in_order(spine):
    say(spine, "one")
    spine.recorder.away = GONE
    assert not spine.flusher.flush()
    assert not spine.flusher.flush()
    assert spine.board.status().conditions["write_back"] == "WriteBackFailed: the remote is away"
    assert spine.reasons().count("WriteBackFailed") == 1
    say(spine, "two")
    spine.recorder.away = None
    assert spine.flusher.flush()
    assert spine.recorder.messages == ["one", "the remote is away", "two"]
    assert spine.board.conditions == ()
    assert spine.flusher.flushes == {"ok": 1, "failed": 2}
    assert spine.flusher.flush()
    assert spine.recorder.messages[-1] == "status and events are in git again"


def test_batches_that_arrived_before_a_failure_are_not_sent_again(spine, monkeypatch):
    monkeypatch.setattr(module, "BATCH", 2)
    say(spine, "a", "b", "c")
    calls = []

    def fail_at_second() -> None:
        calls.append(None)
        if len(calls) == 2:
            raise GONE

    spine.recorder.before = fail_at_second
    assert not spine.flusher.flush()
    assert spine.flusher.flush()
    assert spine.recorder.messages[:3] == ["a", "b", "c"]
    assert spine.recorder.messages.count("a") == 1


def test_a_rejected_push_is_called_that(spine):
    spine.recorder.away = Transient(Reason.PUSH_REJECTED, "a hook says no")
    spine.flusher.flush()
    assert "PushRejected" in spine.reasons()


def test_any_other_failure_is_a_failed_write_back(spine):
    spine.recorder.away = Transient(Reason.REPOSITORY_UNREACHABLE, "no route")
    spine.flusher.flush()
    assert spine.reasons() == ["WriteBackFailed"]
    assert spine.board.status().conditions["write_back"].startswith("RepositoryUnreachable")


def test_waiting_doubles_with_each_failure_up_to_a_limit_and_starts_anew(spine):
    assert spine.flusher.wait() == 5.0
    spine.recorder.away = GONE
    waits = []
    for _ in range(12):
        spine.flusher.flush()
        waits.append(spine.flusher.wait())
    assert waits[:5] == [10.0, 20.0, 40.0, 80.0, LONGEST_WAIT]
    assert waits[-1] == LONGEST_WAIT
    spine.recorder.away = None
    spine.flusher.flush()
    assert spine.flusher.wait() == 5.0


def test_a_failure_never_makes_it_flush_more_often_than_it_was_told_to(spine):
    rare = Flusher(spine.recorder, spine.journal, spine.board, spine.chronicle, 600.0)
    spine.recorder.away = GONE
    rare.flush()
    assert rare.wait() >= 600.0


def test_two_threads_never_write_at_once(spine):
    inside, overlaps = [], []

    def watch() -> None:
        inside.append(None)
        overlaps.append(len(inside))
        threading.Event().wait(0.02)
        inside.pop()

    spine.recorder.before = watch
    say(spine, "one")
    threads = [threading.Thread(target=spine.flusher.flush) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(overlaps) == {1}
    assert spine.recorder.messages == ["one"]


def test_a_defect_is_not_taken_for_a_remote_that_is_away(spine):
    def broken() -> None:
        raise ValueError("a bug")

    spine.recorder.before = broken
    with pytest.raises(ValueError, match="a bug"):
        spine.flusher.flush()
    assert spine.board.conditions == ()


# Deliveries -----------------------------------------------------------------------------------------------------------


def deliver(spine, *numbers: int) -> None:
    for number in numbers:
        record = DeliveryRecord(
            id=f"{number:026}",
            time="2027-01-15T08:00:00.000Z",
            host="edge-1",
            direction="in",
            trigger="ci-push",
            outcome="accepted",
        )
        spine.journal.append_delivery(record)


def delivered(spine) -> list[int]:
    return [int(record.id) for record in spine.recorder.deliveries]


def test_deliveries_go_along_with_whatever_is_flushed_once_and_in_order(spine):
    deliver(spine, 1, 2)
    assert spine.flusher.flush()
    deliver(spine, 3)
    say(spine, "one")
    assert spine.flusher.flush()
    assert delivered(spine) == [1, 2, 3]
    assert len(spine.recorder.batches) == 2


def test_deliveries_alone_cause_one_flush_a_minute(spine):
    spine.flusher.flush()
    written = []
    for number in range(24):
        deliver(spine, number)
        assert spine.flusher.flush()
        written.append(len(spine.recorder.statuses))
    assert written == [1] * 11 + [2] * 12 + [3]
    assert delivered(spine) == list(range(24))


def test_a_long_interval_makes_no_delivery_wait_any_longer(spine):
    rare = Flusher(spine.recorder, spine.journal, spine.board, spine.chronicle, 600.0)
    rare.flush()
    deliver(spine, 1)
    rare.flush()
    assert delivered(spine) == [1]


def test_more_deliveries_than_a_batch_holds_go_in_several_batches_of_one_flush(spine, monkeypatch):
    monkeypatch.setattr(module, "BATCH", 3)
    deliver(spine, *range(7))
    say(spine, "one")
    assert spine.flusher.flush()
    assert delivered(spine) == list(range(7))
    assert spine.recorder.messages == ["one"]
    assert len(spine.recorder.batches) == 3


def test_deliveries_wait_while_the_remote_is_away_and_go_in_order_when_it_is_back(spine):
    deliver(spine, 1)
    spine.recorder.away = GONE
    assert not spine.flusher.flush()
    deliver(spine, 2)
    assert not spine.flusher.flush()
    spine.recorder.away = None
    assert spine.flusher.flush()
    assert delivered(spine) == [1, 2]
