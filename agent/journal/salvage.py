"""Carries over what can still be read from a corrupt journal. Best effort: it never raises for a broken file."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from pathlib import Path

# The document cache is left behind: it is rebuilt from git. Of the events all are tried, flushed or not, and their
# sequence numbers are kept, so that the watermark stays true; it never stands above the events that were saved, as new
# ones would count as flushed.
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
    (
        "SELECT max(sequence) FROM flushed",
        "UPDATE flushed SET sequence = min(coalesce(?, 0), (SELECT coalesce(max(sequence), 0) FROM events))",
    ),
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
