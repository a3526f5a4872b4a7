"""Carries over what can still be read from a corrupt journal. Best effort: it never raises for a broken file."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from pathlib import Path


def _watermark(table: str, spool: str) -> str:
    return f"UPDATE {table} SET sequence = min(coalesce(?, 0), (SELECT coalesce(max(sequence), 0) FROM {spool}))"  # noqa: S608 - constants only


# The document cache is left behind: it is rebuilt from git. Of the events all are tried, flushed or not, and their
# sequence numbers are kept, so that the watermark stays true; it never stands above the events that were saved, as new
# ones would count as flushed. Deliveries likewise. Of the inbox only what is pending is carried over, as its history is
# of no further use; the keys of what is done go along, so that a redelivery is still known.
_COPIES = (
    (
        "SELECT workload_id, fingerprint, reason, message, since, revision FROM quarantine",
        "INSERT OR IGNORE INTO quarantine VALUES (?, ?, ?, ?, ?, ?)",
    ),
    ("SELECT key, value FROM memory", "INSERT OR IGNORE INTO memory VALUES (?, ?)"),
    (
        "SELECT sequence, id, workload, body FROM events ORDER BY sequence",
        "INSERT OR IGNORE INTO events VALUES (?, ?, ?, ?)",
    ),
    ("SELECT max(sequence) FROM flushed", _watermark("flushed", "events")),
    (
        "SELECT sequence, id, receipt, trigger, state, attempts, due, outcome, body FROM inbox WHERE state = 'pending'",
        "INSERT OR IGNORE INTO inbox VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    ),
    ("SELECT key, receipt, until FROM inbox_keys", "INSERT OR IGNORE INTO inbox_keys VALUES (?, ?, ?)"),
    (
        "SELECT sequence, id, workload_id, action, outcome, body FROM requests ORDER BY sequence",
        "INSERT OR IGNORE INTO requests VALUES (?, ?, ?, ?, ?, ?)",
    ),
    (
        "SELECT sequence, id, workload_id, open, body FROM runs ORDER BY sequence",
        "INSERT OR IGNORE INTO runs VALUES (?, ?, ?, ?, ?)",
    ),
    ("SELECT key, state FROM polls", "INSERT OR IGNORE INTO polls VALUES (?, ?)"),
    (
        "SELECT sequence, id, trigger, outcome, body FROM deliveries ORDER BY sequence",
        "INSERT OR IGNORE INTO deliveries VALUES (?, ?, ?, ?, ?)",
    ),
    ("SELECT max(sequence) FROM flushed_deliveries", _watermark("flushed_deliveries", "deliveries")),
)


def salvage(broken: Path, fresh: sqlite3.Connection) -> int:
    """Copy readable rows into the fresh journal, all or none; return how many."""
    source = sqlite3.connect(broken, isolation_level=None)
    try:
        fresh.execute("BEGIN IMMEDIATE")
        saved = sum(_copy(source, fresh, select, insert) for select, insert in _COPIES)
        fresh.execute("COMMIT")
    except sqlite3.Error:
        saved = 0
    finally:
        if fresh.in_transaction:
            fresh.execute("ROLLBACK")
        source.close()
    return saved


def _copy(source: sqlite3.Connection, fresh: sqlite3.Connection, select: str, insert: str) -> int:
    """Copy rows up to the first that cannot be read."""
    rows = _readable(source, select)
    fresh.executemany(insert, rows)
    return len(rows)


def _readable(source: sqlite3.Connection, select: str) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    with suppress(sqlite3.DatabaseError):
        rows.extend(source.execute(select))
    return rows
