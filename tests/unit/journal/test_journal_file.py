"""The file itself: versions, corruption, folders that cannot be used."""

from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import pytest
from support.journal_parts import EventMaker, MovedClock

from agent.core.reasons import Reason
from agent.errors import Stalled, Transient
from agent.journal import faults, migrations
from agent.journal.database import Database
from agent.journal.journal import FILE_NAME, SqliteJournal
from agent.journal.salvage import salvage
from agent.ports import QuarantineEntry

ENTRY = QuarantineEntry(workload_id="a", fingerprint="1:a", reason="r", message="m", since="s", revision="v")


def test_the_folder_is_made_and_the_file_is_readable_by_its_owner_only(tmp_path: Path, clock: MovedClock) -> None:
    SqliteJournal(tmp_path / "deep" / "state", clock).close()
    mode = (tmp_path / "deep" / "state" / FILE_NAME).stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_a_journal_of_a_newer_pierhead_is_left_alone(tmp_path: Path, clock: MovedClock) -> None:
    SqliteJournal(tmp_path, clock).close()
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    content = (tmp_path / FILE_NAME).read_bytes()
    with pytest.raises(Stalled, match="found 99") as refused:
        SqliteJournal(tmp_path, clock)
    assert refused.value.reason is Reason.JOURNAL_UNAVAILABLE
    assert "newer Pierhead" in refused.value.advice
    assert (tmp_path / FILE_NAME).read_bytes() == content


def test_an_older_journal_takes_the_steps_it_lacks_and_keeps_its_rows(
    tmp_path: Path, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = SqliteJournal(tmp_path, clock)
    old.remember("head", "abc")
    old.close()
    monkeypatch.setattr(migrations, "STEPS", (*migrations.STEPS, "CREATE TABLE later (id TEXT)"))
    database = Database(tmp_path / FILE_NAME)
    assert database.read(lambda connection: connection.execute("SELECT count(*) FROM later").fetchone()) == (0,)
    assert database.read(lambda connection: connection.execute("SELECT value FROM memory").fetchone()) == ("abc",)
    database.close()


def test_a_step_that_fails_leaves_the_journal_at_its_version(
    tmp_path: Path, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    SqliteJournal(tmp_path, clock).close()
    monkeypatch.setattr(
        migrations, "STEPS", (*migrations.STEPS, "CREATE TABLE later (id TEXT); CREATE TABLE later (x)")
    )
    with pytest.raises(sqlite3.OperationalError, match="already exists"):
        Database(tmp_path / FILE_NAME)
    monkeypatch.undo()
    SqliteJournal(tmp_path, clock).close()


def test_a_file_that_is_no_database_is_moved_aside_and_explained(
    tmp_path: Path, clock: MovedClock, events: EventMaker
) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"not a database at all" * 100)
    journal = SqliteJournal(tmp_path, clock)
    journal.append_event(events.make())
    assert len(journal.unflushed_events(10)) == 1
    [note] = journal.notes
    aside = next(path for path in tmp_path.iterdir() if ".corrupt-" in path.name)
    assert aside.name in note
    assert "went on with the 0 records" in note
    journal.close()


def test_a_sound_journal_has_no_notes(journal: SqliteJournal) -> None:
    assert journal.notes == ()


def damage(path: Path, table: str) -> None:
    """Overwrite the page that a table begins on."""
    connection = sqlite3.connect(path)
    root = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()[0]
    size = connection.execute("PRAGMA page_size").fetchone()[0]
    connection.close()
    with path.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xff" * size)


def test_what_can_be_read_of_a_corrupt_journal_is_carried_over(
    tmp_path: Path, clock: MovedClock, events: EventMaker
) -> None:
    first = SqliteJournal(tmp_path, clock)
    made = [events.make(str(n)) for n in range(5)]
    for event in made:
        first.append_event(event)
    first.mark_flushed(first.unflushed_events(2)[-1][0])
    first.quarantine(ENTRY)
    first.cache_documents({"blob": b"x"})
    first.close()
    damage(tmp_path / FILE_NAME, "documents")
    journal = SqliteJournal(tmp_path, clock)
    assert journal.cached_documents(["blob"]) == {}
    assert len(journal.notes) == 1
    assert [event for _, event in journal.unflushed_events(10)] == made[2:]
    assert journal.quarantined() == (ENTRY,)
    journal.close()


def test_rows_beyond_the_damage_are_given_up_and_the_rest_goes_on(
    tmp_path: Path, clock: MovedClock, events: EventMaker
) -> None:
    first = SqliteJournal(tmp_path, clock)
    for _ in range(3):
        first.append_event(events.make())
    first.mark_flushed(first.unflushed_events(10)[-1][0])
    first.remember("head", "abc")
    first.close()
    damage(tmp_path / FILE_NAME, "events")
    journal = SqliteJournal(tmp_path, clock)
    journal.append_event(events.make("after"))
    assert [event.message for _, event in journal.unflushed_events(10)] == ["after"]
    assert journal.recall("head") == "abc"
    journal.close()


def test_where_nothing_can_be_saved_the_fresh_journal_is_empty_and_sound(tmp_path: Path) -> None:
    database = Database(tmp_path / FILE_NAME)
    (tmp_path / "broken").write_bytes(b"not a database" * 300)
    assert database.read(lambda fresh: salvage(tmp_path / "broken", fresh)) == 0
    fresh = sqlite3.connect(tmp_path / "read-only", isolation_level=None)
    assert salvage(tmp_path / "broken", fresh) == 0
    assert not fresh.in_transaction
    fresh.close()
    database.close()


def test_a_closed_journal_says_so(journal: SqliteJournal) -> None:
    journal.close()
    with pytest.raises(Transient, match="it is closed"):
        journal.recall("head")


def test_a_data_dir_that_is_a_file_is_explained(tmp_path: Path, clock: MovedClock) -> None:
    (tmp_path / "state").write_text("a file")
    with pytest.raises(Transient, match="state") as refused:
        SqliteJournal(tmp_path / "state", clock)
    assert refused.value.reason is Reason.JOURNAL_UNAVAILABLE
    assert "folder" in refused.value.advice


def test_a_journal_that_is_a_folder_is_explained(tmp_path: Path, clock: MovedClock) -> None:
    (tmp_path / FILE_NAME).mkdir()
    with pytest.raises(Transient, match="cannot be opened"):
        SqliteJournal(tmp_path, clock)


def sqlite_error(code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("trouble")
    error.sqlite_errorcode = code
    return error


def test_an_io_error_on_a_full_file_system_is_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 0})())
    explained = faults.explain(sqlite_error(sqlite3.SQLITE_IOERR_SHMSIZE), tmp_path / FILE_NAME)
    assert isinstance(explained, Transient)
    assert explained.reason is Reason.DISK_FULL


def test_an_io_error_where_the_disk_cannot_be_asked_is_an_unusable_file(tmp_path: Path) -> None:
    explained = faults.explain(sqlite_error(sqlite3.SQLITE_IOERR_READ), tmp_path / "gone" / FILE_NAME)
    assert isinstance(explained, Transient)
    assert explained.reason is Reason.JOURNAL_UNAVAILABLE


def test_a_mistake_of_our_own_stays_what_it_is(journal: SqliteJournal) -> None:
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        journal._database.read(lambda connection: connection.execute("SELECT * FROM absent"))
    assert journal.notes == ()


def test_work_that_raises_leaves_nothing_behind(journal: SqliteJournal) -> None:
    def work(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO memory VALUES ('half', 'done')")
        raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        journal._database.write(work)
    assert journal.recall("half") is None
