"""Quarantine, memory and the document cache."""

from __future__ import annotations

from pathlib import Path

from support.journal_parts import MovedClock

from agent.journal.database import Database
from agent.journal.documents import DocumentCache
from agent.journal.journal import FILE_NAME, SqliteJournal
from agent.ports import QuarantineEntry


def entry(workload_id: str = "3f9a2c71", fingerprint: str = "1:aa", **fields: str) -> QuarantineEntry:
    rest = {
        "reason": "HealthTimeout",
        "message": "no answer",
        "since": "2026-11-24T00:00:00.000Z",
        "revision": "b" * 40,
    }
    return QuarantineEntry(workload_id=workload_id, fingerprint=fingerprint, **(rest | fields))


def test_a_quarantine_survives_a_restart(tmp_path: Path, clock: MovedClock) -> None:
    first = SqliteJournal(tmp_path, clock)
    first.quarantine(entry())
    first.close()
    second = SqliteJournal(tmp_path, clock)
    assert second.quarantined() == (entry(),)
    second.close()


def test_the_same_version_is_quarantined_once_with_its_latest_reason(journal: SqliteJournal) -> None:
    journal.quarantine(entry(reason="HealthTimeout"))
    journal.quarantine(entry(reason="CrashLoop"))
    assert [one.reason for one in journal.quarantined()] == ["CrashLoop"]


def test_lifting_forgets_all_versions_of_one_workload_but_the_one_to_keep(journal: SqliteJournal) -> None:
    for one in (entry(fingerprint="1:aa"), entry(fingerprint="1:bb"), entry(workload_id="other")):
        journal.quarantine(one)
    journal.lift_quarantine("3f9a2c71", keep="1:bb")
    assert {(one.workload_id, one.fingerprint) for one in journal.quarantined()} == {
        ("3f9a2c71", "1:bb"),
        ("other", "1:aa"),
    }
    journal.lift_quarantine("3f9a2c71")
    assert [one.workload_id for one in journal.quarantined()] == ["other"]


def test_lifting_where_nothing_is_quarantined_writes_nothing(journal: SqliteJournal, tmp_path: Path) -> None:
    before = (tmp_path / f"{FILE_NAME}-wal").stat().st_size
    journal.lift_quarantine("3f9a2c71")
    assert (tmp_path / f"{FILE_NAME}-wal").stat().st_size == before


def test_what_is_remembered_is_recalled_and_replaced(journal: SqliteJournal) -> None:
    assert journal.recall("head") is None
    journal.remember("head", "one")
    journal.remember("head", "two")
    assert journal.recall("head") == "two"


def test_remembering_the_same_again_writes_nothing(journal: SqliteJournal, tmp_path: Path) -> None:
    journal.remember("head", "one")
    before = (tmp_path / f"{FILE_NAME}-wal").stat().st_size
    journal.remember("head", "one")
    assert (tmp_path / f"{FILE_NAME}-wal").stat().st_size == before


def test_cached_documents_come_back_and_unknown_ones_are_left_out(journal: SqliteJournal) -> None:
    journal.cache_documents({"a": b"\x00one", "b": b""})
    assert journal.cached_documents(["a", "b", "c"]) == {"a": b"\x00one", "b": b""}
    assert journal.cached_documents([]) == {}


def test_caching_nothing_is_fine(journal: SqliteJournal) -> None:
    journal.cache_documents({})
    assert journal.cached_documents(["a"]) == {}


def test_ten_thousand_documents_are_asked_for_at_once(journal: SqliteJournal) -> None:
    documents = {f"{n:040x}": str(n).encode() for n in range(10_000)}
    journal.cache_documents(documents)
    assert journal.cached_documents(documents) == documents


def test_the_cache_lets_the_least_recently_used_go_first(tmp_path: Path) -> None:
    clock = MovedClock()
    database = Database(tmp_path / FILE_NAME)
    cache = DocumentCache(database, clock, keep_bytes=30)
    cache.put({"old": b"x" * 10, "used": b"x" * 10})
    clock.time += 86_400
    cache.get(["used"])
    cache.put({"new": b"x" * 10, "newer": b"x" * 10})
    assert sorted(cache.get(["old", "used", "new", "newer"])) == ["new", "newer", "used"]
    database.close()


def test_a_document_larger_than_the_cache_leaves_it_empty(tmp_path: Path) -> None:
    database = Database(tmp_path / FILE_NAME)
    cache = DocumentCache(database, MovedClock(), keep_bytes=30)
    cache.put({"huge": b"x" * 31})
    assert cache.get(["huge"]) == {}
    database.close()


def test_reading_documents_writes_at_most_once_a_day(tmp_path: Path) -> None:
    clock = MovedClock()
    database = Database(tmp_path / FILE_NAME)
    cache = DocumentCache(database, clock)
    cache.put({"a": b"x"})
    wal = tmp_path / f"{FILE_NAME}-wal"
    before = wal.stat().st_size
    cache.get(["a"])
    assert wal.stat().st_size == before
    clock.time += 86_400
    cache.get(["a"])
    after = wal.stat().st_size
    assert after > before
    cache.get(["a"])
    assert wal.stat().st_size == after
    database.close()
