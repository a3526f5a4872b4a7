"""Records of deliveries: cheap to append, readable at once, bounded, and some may go while the disk is full."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import pytest
from support.journal_parts import EventMaker, MovedClock

from agent.core.reasons import Reason
from agent.errors import Transient
from agent.journal import deliveries
from agent.journal.journal import FILE_NAME, SqliteJournal

LATER = 1_900_000_000.0


def append(journal: SqliteJournal, events: EventMaker, number: int, **fields: object) -> list[str]:
    """Append some; return their ids."""
    records = [events.delivery(**fields) for _ in range(number)]
    for record in records:
        journal.append_delivery(record)
    return [record.id for record in records]


def test_a_record_comes_back_whole(journal: SqliteJournal, events: EventMaker) -> None:
    full = events.delivery(
        vendor="harbor",
        status=401,
        outcome="refused",
        reason="the signature\0 is “wrong” \ud800",
        events=("a", "b"),
        sender="192.0.2.1",
        size=6_144,
        seconds=0.0031,
    )
    journal.append_delivery(full)
    assert journal.recent_deliveries(10) == (full,)


def test_recent_ones_are_newest_first_by_trigger_outcome_and_page(journal: SqliteJournal, events: EventMaker) -> None:
    mine = append(journal, events, 3)
    other = append(journal, events, 2, trigger="nul\0 path")
    refused = append(journal, events, 1, outcome="refused")

    def ids(limit: int = 10, **wanted: str) -> list[str]:
        return [one.id for one in journal.recent_deliveries(limit, **wanted)]

    assert ids() == [*refused, *reversed(other), *reversed(mine)]
    assert ids(2) == [*refused, other[1]]
    assert ids(trigger="nul\0 path") == [*reversed(other)]
    assert ids(outcome="refused") == refused
    assert ids(before=other[0]) == [*reversed(mine)]
    assert ids(before=mine[2], trigger="ci-push", outcome="accepted") == [mine[1], mine[0]]


def test_those_that_are_not_in_git_yet_are_handed_out_oldest_first(journal: SqliteJournal, events: EventMaker) -> None:
    ids = append(journal, events, 5)
    first = journal.unflushed_deliveries(2)
    assert [record.id for _, record in first] == ids[:2]
    journal.mark_deliveries_flushed(first[-1][0])
    assert [record.id for _, record in journal.unflushed_deliveries(10)] == ids[2:]
    journal.mark_deliveries_flushed(first[0][0])
    assert len(journal.unflushed_deliveries(10)) == 3


def test_a_record_is_on_disk_soon_without_anybody_asking(
    tmp_path: Path, journal: SqliteJournal, events: EventMaker
) -> None:
    append(journal, events, 3)
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    deadline = time.monotonic() + 10
    while connection.execute("SELECT count(*) FROM deliveries").fetchone() != (3,):
        assert time.monotonic() < deadline
    connection.close()


def test_records_survive_a_restart(
    tmp_path: Path, journal: SqliteJournal, clock: MovedClock, events: EventMaker
) -> None:
    ids = append(journal, events, 3)
    journal.close()
    again = SqliteJournal(tmp_path, clock)
    assert [record.id for _, record in again.unflushed_deliveries(10)] == ids
    again.close()


def test_the_next_delivery_that_is_received_takes_the_records_along(
    tmp_path: Path, journal: SqliteJournal, events: EventMaker
) -> None:
    append(journal, events, 2)
    journal.receive([events.received()], [], until=LATER)
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    assert connection.execute("SELECT count(*) FROM deliveries").fetchone() == (2,)
    connection.close()


def test_the_oldest_make_room_and_are_counted_when_they_were_not_in_git(
    journal: SqliteJournal, events: EventMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "KEEP", 10)
    monkeypatch.setattr(deliveries, "PRUNE_EVERY", 1)
    first = append(journal, events, 10)
    flushed = journal.unflushed_deliveries(4)
    journal.mark_deliveries_flushed(flushed[-1][0])
    second = append(journal, events, 7)
    assert [record.id for _, record in journal.unflushed_deliveries(100)] == [*first[7:], *second]
    assert len(journal.recent_deliveries(100)) == 10
    assert journal.deliveries_dropped == 3


def test_while_the_disk_is_full_the_newest_wait_in_memory_and_nobody_is_disturbed(
    journal: SqliteJournal, events: EventMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "KEEP", 5)

    def refuse(_work: object, *, durable: bool = False) -> None:
        raise Transient(Reason.DISK_FULL, "the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(journal._database, "write", refuse)
        ids = append(journal, events, 8)
        assert journal.recent_deliveries(10) == ()
        ids += append(journal, events, 1)
    assert [one.id for one in journal.recent_deliveries(10)] == [*reversed(ids[-5:])]
    assert journal.deliveries_dropped == 4
