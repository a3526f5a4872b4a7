"""The tables of the journal, version by version. Forward only: a step that was released is never edited.

`user_version` of the file counts the steps that were taken. A file from a newer Pierhead is left alone.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from agent.core.reasons import Reason
from agent.errors import Stalled

# Step 1. `events.sequence` is the order of arrival; AUTOINCREMENT, so that a number is never used twice. `flushed` has
# one row: everything up to it is in git; a watermark, so that marking costs the same for any backlog. `documents.used`
# is the day of the last use, so that reading writes at most once a day.
_TABLES = """
CREATE TABLE events (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, workload TEXT, body TEXT NOT NULL);
CREATE INDEX events_of_workload ON events (workload, sequence) WHERE workload IS NOT NULL;
CREATE TABLE flushed (sequence INTEGER NOT NULL);
INSERT INTO flushed VALUES (0);
CREATE TABLE quarantine (
    workload_id TEXT NOT NULL, fingerprint TEXT NOT NULL, reason TEXT NOT NULL, message TEXT NOT NULL,
    since TEXT NOT NULL, revision TEXT NOT NULL, PRIMARY KEY (workload_id, fingerprint));
CREATE TABLE memory (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE documents (
    blob_id TEXT PRIMARY KEY, used INTEGER NOT NULL, size INTEGER NOT NULL, body BLOB NOT NULL);
CREATE INDEX documents_by_use ON documents (used, size);
"""

STEPS: tuple[str, ...] = (_TABLES,)


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Take the steps that the file has not taken, in one transaction; raises Stalled for a newer file."""
    if _version(connection) == len(STEPS):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = _version(connection)  # again: another process may have taken them meanwhile
        _refuse_newer(version, path)
        for step in STEPS[version:]:
            for statement in filter(str.strip, step.split(";")):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(STEPS)}")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _refuse_newer(version: int, path: Path) -> None:
    if version > len(STEPS):
        raise Stalled(
            Reason.JOURNAL_UNAVAILABLE,
            f"journal {path}: expected schema version {len(STEPS)} or older, found {version}",
            advice="it was written by a newer Pierhead: run that one, or move the file away to start a new journal",
        )
