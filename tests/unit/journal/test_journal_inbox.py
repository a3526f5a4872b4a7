"""What was accepted waits until it is settled, in order, and survives whatever happens to the process."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from support.journal_parts import EventMaker, MovedClock

from agent.core.inbound import InboundEvent
from agent.journal import inbox, migrations
from agent.journal.journal import FILE_NAME, SqliteJournal

LATER = 1_900_000_000.0


def count(folder: Path, query: str) -> int:
    """By a connection of its own, as another process would see it."""
    connection = sqlite3.connect(folder / FILE_NAME)
    found = connection.execute(query).fetchone()[0]
    connection.close()
    return found


def test_what_was_received_comes_back_whole_and_oldest_first(journal: SqliteJournal, events: EventMaker) -> None:
    full = InboundEvent(
        type="git_push",
        vendor="github",
        repo="ops/config",
        clone_url="https://git.example.com/ops/config.git",
        ref="refs/heads/main",
        branch="main",
        commit="a" * 40,
        changed_paths=("a/b", "c"),
        subject="by hand",
    )
    first = [events.received(event=full, workload="shop", delivery="d1"), events.received()]
    second = events.received(trigger="nightly", event=InboundEvent(type="tick"))
    assert journal.receive(first, ["k1", "k2"], until=LATER)
    assert journal.receive([second], [], until=LATER)
    assert journal.pending_events(10) == (*first, second)
    assert journal.pending_events(2) == tuple(first)
    assert journal.inbox_depth() == 3


def test_a_delivery_is_on_disk_when_receive_returns(tmp_path: Path, journal: SqliteJournal, events: EventMaker) -> None:
    journal.receive([events.received(), events.received()], ["k"], until=LATER)
    assert count(tmp_path, "SELECT count(*) FROM inbox WHERE state = 'pending'") == 2


def test_what_is_pending_survives_a_restart(
    tmp_path: Path, journal: SqliteJournal, clock: MovedClock, events: EventMaker
) -> None:
    one, two = events.received(), events.received()
    journal.receive([one], ["k"], until=LATER)
    journal.receive([two], [], until=LATER)
    journal.postpone([two.id], clock.time + 60, "the remote is away")
    journal.close()
    again = SqliteJournal(tmp_path, clock)
    assert again.pending_events(10) == (one,)
    assert not again.receive([events.received()], ["k"], until=LATER)
    clock.time += 60
    assert again.pending_events(10) == (one, replace(two, attempts=1))
    again.close()


def test_what_is_settled_is_never_handed_out_again(journal: SqliteJournal, events: EventMaker) -> None:
    received = [events.received() for _ in range(4)]
    journal.receive(received, ["k"], until=LATER)
    journal.settle([received[0].id, received[2].id], "committed")
    journal.settle([received[3].id], "no such workload", failed=True)
    assert journal.pending_events(10) == (received[1],)
    journal.postpone([received[0].id], 0.0, "too late")
    journal.settle([received[0].id, "unknown"], "again", failed=True)
    assert journal.inbox_depth() == 1


@pytest.mark.parametrize(("failed", "state"), [(False, "done"), (True, "failed")])
def test_what_became_of_an_event_is_told_in_words(
    journal: SqliteJournal, events: EventMaker, *, failed: bool, state: str
) -> None:
    one = events.received()
    journal.receive([one], [], until=LATER)
    assert journal.fate_of_event(one.id) == ("pending", "")
    journal.settle([one.id], "1.4.2 → 1.4.3 \ud800", failed=failed)
    assert journal.fate_of_event(one.id) == (state, "1.4.2 → 1.4.3 \\ud800")
    assert journal.fate_of_event("unknown") is None


def test_a_postponed_event_waits_for_its_time_and_counts_its_attempts(
    journal: SqliteJournal, clock: MovedClock, events: EventMaker
) -> None:
    one, other = events.received(), events.received()
    journal.receive([one, other], [], until=LATER)
    for attempt in (1, 2):
        journal.postpone([one.id], clock.time + 30, "away")
        assert journal.pending_events(10) == (other,)
        assert journal.inbox_depth() == 2
        clock.time += 30
        assert journal.pending_events(10) == (replace(one, attempts=attempt), other)


@pytest.mark.parametrize("key", ["id", "Ünïcode", "nul\0", "half \ud800 a pair", "x" * 100_000, "' OR 1=1 --"])
def test_any_text_is_a_key(journal: SqliteJournal, events: EventMaker, key: str) -> None:
    assert journal.receive([events.received()], [key], until=LATER)
    assert not journal.receive([events.received()], [key], until=LATER)
    assert journal.receive([events.received()], [key + "."], until=LATER)


@pytest.mark.parametrize("text", ["Ünïcode", "nul\0", "half \ud800 a pair", "quote'\"\\", "{}[]"])
def test_any_text_comes_back_as_it_came(journal: SqliteJournal, events: EventMaker, text: str) -> None:
    event = InboundEvent(type="image_push", image=text, changed_paths=(text,), subject=text)
    one = events.received(trigger=text, event=event, delivery=text, workload=text)
    journal.receive([one], [], until=LATER)
    assert journal.pending_events(1) == (one,)
    assert journal.last_received(text) == one


def test_a_delivery_without_events_stores_nothing_and_keeps_no_key(
    tmp_path: Path, journal: SqliteJournal, events: EventMaker
) -> None:
    assert journal.receive([], ["k"], until=LATER)
    assert journal.receive([], ["k"], until=LATER)
    assert count(tmp_path, "SELECT count(*) FROM inbox_keys") == 0
    assert journal.receive([events.received()], ["k"], until=LATER)
    assert not journal.receive([], ["k"], until=LATER)


def test_a_thousand_events_of_one_delivery_are_stored_at_once(journal: SqliteJournal, events: EventMaker) -> None:
    received = [events.received(tag=str(number)) for number in range(1_234)]
    assert journal.receive(received, ["k"], until=LATER)
    assert journal.pending_events(10_000) == tuple(received)


def test_the_newest_event_of_a_trigger_is_known_whatever_became_of_it(
    journal: SqliteJournal, events: EventMaker
) -> None:
    one, two, other = events.received(), events.received(), events.received(trigger="other")
    journal.receive([one, two, other], [], until=LATER)
    journal.settle([two.id], "done")
    assert journal.last_received("ci-push") == two
    assert journal.last_received("other") == other
    assert journal.last_received("never") is None


def test_the_history_is_bounded_and_pending_events_are_no_part_of_it(
    tmp_path: Path, journal: SqliteJournal, events: EventMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "KEEP_SETTLED", 20)
    monkeypatch.setattr(inbox, "PRUNE_EVERY", 10)
    rare, stuck = events.received(trigger="yearly"), events.received()
    journal.receive([rare, stuck], [], until=LATER)
    journal.settle([rare.id], "done")
    for _ in range(10):
        received = [events.received() for _ in range(10)]
        journal.receive(received, [], until=LATER)
        journal.settle([one.id for one in received], "done")
    assert 20 <= count(tmp_path, "SELECT count(*) FROM inbox WHERE state = 'done'") <= 31
    assert journal.pending_events(10) == (stuck,)
    assert journal.last_received("yearly") == rare


def test_expired_keys_are_pruned_but_for_those_of_pending_deliveries(
    tmp_path: Path, journal: SqliteJournal, clock: MovedClock, events: EventMaker
) -> None:
    journal.receive([events.received()], ["pending"], until=clock.time + 1)
    done = events.received()
    journal.receive([done], ["expired"], until=clock.time + 1)
    lasting = events.received()
    journal.receive([lasting], ["lasting"], until=clock.time + 1000)
    clock.time += 2
    journal.settle([done.id, lasting.id], "done")
    assert count(tmp_path, "SELECT count(*) FROM inbox_keys") == 2
    assert not journal.receive([events.received()], ["pending"], until=LATER)
    assert not journal.receive([events.received()], ["lasting"], until=LATER)


def test_what_another_process_wrote_is_noticed_and_what_this_one_wrote_is_not(
    tmp_path: Path, journal: SqliteJournal, clock: MovedClock, events: EventMaker
) -> None:
    assert not journal.changed_by_others()
    journal.receive([events.received()], [], until=LATER)
    assert not journal.changed_by_others()
    other = SqliteJournal(tmp_path, clock)
    fired = events.received(trigger="fired")
    other.receive([fired], [], until=LATER)
    assert journal.changed_by_others()
    assert not journal.changed_by_others()
    assert fired in journal.pending_events(10)
    journal.settle([fired.id], "done")
    assert other.changed_by_others()
    other.close()


def test_a_journal_of_the_first_version_gains_the_tables_and_keeps_its_rows(
    tmp_path: Path, clock: MovedClock, events: EventMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "STEPS", migrations.STEPS[:1])
        connection = sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)
        migrations.migrate(connection, tmp_path / FILE_NAME)
        connection.execute("INSERT INTO memory VALUES ('head', 'abc')")
        connection.close()
    journal = SqliteJournal(tmp_path, clock)
    assert journal.recall("head") == "abc"
    assert journal.receive([events.received()], ["k"], until=LATER)
    journal.close()


def damage(path: Path, table: str) -> None:
    """Overwrite the page that a table begins on."""
    connection = sqlite3.connect(path)
    root = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()[0]
    size = connection.execute("PRAGMA page_size").fetchone()[0]
    connection.close()
    with path.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xff" * size)


def test_what_waits_is_carried_over_from_a_corrupt_journal(
    tmp_path: Path, clock: MovedClock, events: EventMaker
) -> None:
    first = SqliteJournal(tmp_path, clock)
    pending, done, late = events.received(), events.received(), events.received()
    for one, key in ((pending, "pending"), (done, "done"), (late, "late")):
        first.receive([one], [key], until=LATER)
    first.settle([done.id], "done")
    first.postpone([late.id], clock.time + 10, "away")
    kept = [events.delivery(), events.delivery()]
    for record in kept:
        first.append_delivery(record)
    first.mark_deliveries_flushed(first.unflushed_deliveries(1)[-1][0])
    first.save_poll("shop", b"state")
    first.cache_documents({"blob": b"x"})
    first.close()
    damage(tmp_path / FILE_NAME, "documents")
    journal = SqliteJournal(tmp_path, clock)
    journal.cached_documents(["blob"])
    assert len(journal.notes) == 1
    assert journal.pending_events(10) == (pending,)
    assert journal.inbox_depth() == 2
    for key in ("pending", "done", "late"):
        assert not journal.receive([events.received()], [key], until=LATER)
    assert [record for _, record in journal.unflushed_deliveries(10)] == kept[1:]
    assert journal.load_poll("shop") == b"state"
    journal.close()


def test_ids_go_on_after_the_newest_event_of_log_and_inbox_alike(journal: SqliteJournal, events: EventMaker) -> None:
    assert journal.last_event_id() is None
    received = events.received()
    copy = replace(received, id=f"{received.id}.web")
    journal.receive([received, copy], [], until=0.0)
    assert journal.last_event_id() == received.id[:26]
