"""The spool: in order, flushed once, kept within bounds, and safe while the disk has no room."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest
from support.journal_parts import EventMaker, MovedClock

from agent.core.reasons import Reason
from agent.errors import Transient
from agent.journal import codec, spool
from agent.journal.journal import FILE_NAME, SqliteJournal


def messages(events: tuple) -> list[str]:
    return [event.message for event in events]


def test_events_come_back_whole_and_in_order(journal: SqliteJournal, events: EventMaker) -> None:
    made = [events.make(f"event {n}", revision="a" * 40, data={"n": n, "text": "ünïcode"}) for n in range(3)]
    for event in made:
        journal.append_event(event)
    assert [event for _, event in journal.unflushed_events(10)] == made


def test_an_event_without_workload_and_data_comes_back_equal(journal: SqliteJournal, events: EventMaker) -> None:
    event = events.make(workload=None)
    journal.append_event(event)
    assert journal.recent_events(1) == (event,)


def test_what_is_flushed_is_not_given_out_again(journal: SqliteJournal, events: EventMaker) -> None:
    for n in range(5):
        journal.append_event(events.make(str(n)))
    batch = journal.unflushed_events(3)
    journal.mark_flushed(batch[-1][0])
    assert messages(tuple(event for _, event in journal.unflushed_events(10))) == ["3", "4"]


def test_marking_an_older_sequence_takes_nothing_back(journal: SqliteJournal, events: EventMaker) -> None:
    for n in range(3):
        journal.append_event(events.make(str(n)))
    (first, _), *_, (last, _) = journal.unflushed_events(10)
    journal.mark_flushed(last)
    journal.mark_flushed(first)
    assert journal.unflushed_events(10) == ()


def test_the_spool_survives_a_restart(tmp_path: Path, clock: MovedClock, events: EventMaker) -> None:
    first = SqliteJournal(tmp_path, clock)
    event = events.make()
    first.append_event(event)
    first.close()
    second = SqliteJournal(tmp_path, clock)
    assert [one for _, one in second.unflushed_events(10)] == [event]
    assert second.last_event_id() == event.id
    second.close()


def test_recent_events_are_newest_first_flushed_or_not(journal: SqliteJournal, events: EventMaker) -> None:
    for n in range(4):
        journal.append_event(events.make(str(n)))
    journal.mark_flushed(journal.unflushed_events(2)[-1][0])
    assert messages(journal.recent_events(3)) == ["3", "2", "1"]


def test_recent_events_of_one_workload_leave_the_others_out(journal: SqliteJournal, events: EventMaker) -> None:
    for n in range(4):
        journal.append_event(events.make(str(n), workload="shop" if n % 2 else "db"))
    assert messages(journal.recent_events(10, "shop")) == ["3", "1"]


def test_paging_by_an_event_id_gives_what_is_older(journal: SqliteJournal, events: EventMaker) -> None:
    made = [events.make(str(n)) for n in range(6)]
    for event in made:
        journal.append_event(event)
    first_page = journal.recent_events(2)
    assert messages(journal.recent_events(2, before=first_page[-1].id)) == ["3", "2"]
    assert journal.recent_events(2, before=made[0].id) == ()


def test_only_flushed_events_beyond_the_bound_are_deleted(
    journal: SqliteJournal, events: EventMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "KEEP_FLUSHED", 3)
    for n in range(10):
        journal.append_event(events.make(str(n)))
    journal.mark_flushed(journal.unflushed_events(4)[-1][0])
    assert messages(journal.recent_events(100)) == ["9", "8", "7", "6", "5", "4"]
    journal.mark_flushed(journal.unflushed_events(100)[-1][0])
    assert messages(journal.recent_events(100)) == ["9", "8", "7"]


def test_an_event_is_kept_once_even_when_it_is_given_twice(journal: SqliteJournal, events: EventMaker) -> None:
    event = events.make()
    journal.append_event(event)
    journal.append_event(event)
    assert len(journal.unflushed_events(10)) == 1


def fill_the_disk(journal: SqliteJournal) -> None:
    """Let SQLite find no room for another page."""
    journal._database.read(lambda connection: connection.execute("PRAGMA max_page_count = 1").fetchone())


def give_room(journal: SqliteJournal) -> None:
    journal._database.read(lambda connection: connection.execute("PRAGMA max_page_count = 1000000").fetchone())


def append_until_full(journal: SqliteJournal, events: EventMaker) -> int:
    """Append large events until one has to wait; return how many were appended."""
    for count in range(1, 100):
        journal.append_event(events.make(str(count), data={"text": "x" * 2000}))
        if journal.trouble is not None:
            return count
    raise AssertionError("the disk never became full")


def test_on_a_full_disk_events_wait_in_memory_and_are_written_in_order_later(
    journal: SqliteJournal, events: EventMaker, clock: MovedClock
) -> None:
    fill_the_disk(journal)
    count = append_until_full(journal, events)
    journal.append_event(events.make(str(count + 1)))
    assert journal.trouble is not None
    assert journal.trouble.reason is Reason.DISK_FULL
    assert "df -h" in journal.trouble.advice
    give_room(journal)
    clock.wait(1.0)
    journal.append_event(events.make(str(count + 2)))
    assert journal.trouble is None
    assert messages(tuple(event for _, event in journal.unflushed_events(200))) == [str(n) for n in range(1, count + 3)]


def test_events_that_wait_are_shown_first_among_recent_ones(
    journal: SqliteJournal, events: EventMaker, clock: MovedClock
) -> None:
    journal.append_event(events.make("on disk"))
    fill_the_disk(journal)
    count = append_until_full(journal, events)
    waiting = journal.recent_events(1)[0]
    assert waiting.message == str(count)
    assert journal.recent_events(100)[-1].message == "on disk"
    assert journal.recent_events(1, workload="other") == ()
    assert waiting not in journal.recent_events(100, before=waiting.id)


def test_a_full_disk_is_tried_again_at_most_once_a_second(
    journal: SqliteJournal, events: EventMaker, clock: MovedClock
) -> None:
    fill_the_disk(journal)
    append_until_full(journal, events)
    give_room(journal)
    journal.append_event(events.make("too early"))
    assert journal.trouble is not None
    clock.wait(1.0)
    journal.unflushed_events(1)
    assert journal.trouble is None


def test_an_event_beyond_the_memory_is_refused_with_the_reason(
    journal: SqliteJournal, events: EventMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "KEEP_WAITING", 2)
    fill_the_disk(journal)
    append_until_full(journal, events)
    journal.append_event(events.make("second"))
    with pytest.raises(Transient, match="this one was refused") as refused:
        journal.append_event(events.make("third"))
    assert refused.value.reason is Reason.DISK_FULL


def test_closing_writes_what_waits(tmp_path: Path, clock: MovedClock, events: EventMaker) -> None:
    journal = SqliteJournal(tmp_path, clock)
    fill_the_disk(journal)
    count = append_until_full(journal, events)
    give_room(journal)
    journal.close()
    reopened = SqliteJournal(tmp_path, clock)
    assert len(reopened.unflushed_events(200)) == count
    reopened.close()


def test_while_another_process_holds_the_lock_events_wait(
    tmp_path: Path, clock: MovedClock, events: EventMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.journal.database.BUSY_SECONDS", 0.01)
    journal = SqliteJournal(tmp_path, clock)
    other = sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    journal.append_event(events.make())
    assert journal.trouble is not None
    assert journal.trouble.reason is Reason.JOURNAL_UNAVAILABLE
    assert "another process" in journal.trouble.message
    with pytest.raises(Transient, match="another process"):
        journal.remember("key", "value")
    other.execute("COMMIT")
    other.close()
    clock.wait(1.0)
    assert len(journal.unflushed_events(10)) == 1
    journal.close()


def test_threads_append_and_flush_at_once_and_nothing_is_lost(journal: SqliteJournal, events: EventMaker) -> None:
    def append() -> None:
        for _ in range(50):
            journal.append_event(events.make())

    threads = [threading.Thread(target=append) for _ in range(4)]
    for thread in threads:
        thread.start()
    seen = set()
    while len(seen) < 200:
        batch = journal.unflushed_events(20)
        seen |= {event.id for _, event in batch}
        if batch:
            journal.mark_flushed(batch[-1][0])
    for thread in threads:
        thread.join()
    assert journal.unflushed_events(10) == ()


def test_a_reason_that_only_another_version_knows_is_kept_in_words(events: EventMaker) -> None:
    text = codec.dump(events.make("hello")).replace('"Deployed"', '"Teleported"')
    event = codec.load(text)
    assert event.reason is Reason.INTERNAL_ERROR
    assert event.message == "[Teleported] hello"


def test_the_disk_is_not_asked_for_unflushed_events_again_until_one_is_appended(
    journal: SqliteJournal, events: EventMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal.append_event(events.make("first"))
    ((sequence, _),) = journal.unflushed_events(10)
    journal.mark_flushed(sequence)
    assert journal.unflushed_events(10) == ()
    with monkeypatch.context() as patched:
        patched.setattr(journal._database, "read", lambda _: pytest.fail("the disk was asked"))
        assert journal.unflushed_events(10) == ()
    journal.append_event(events.make("second"))
    assert messages(tuple(event for _, event in journal.unflushed_events(10))) == ["second"]
