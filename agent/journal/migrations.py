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

# Step 2. Inbox: `receipt` is the id of the first event of the delivery and joins its events with the keys by which it
# is known again; `due` is when a postponed event comes up; `body` is what is only read. The partial indexes hold what
# is pending, however long the history is. Requests without an outcome are open. `until` of a key and `due` are epoch
# seconds.
_TRIGGERS = """
CREATE TABLE inbox (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, receipt TEXT NOT NULL, trigger TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'pending', attempts INTEGER NOT NULL DEFAULT 0, due REAL NOT NULL DEFAULT 0,
    outcome TEXT NOT NULL DEFAULT '', body TEXT NOT NULL);
CREATE INDEX inbox_pending ON inbox (sequence, due) WHERE state = 'pending';
CREATE INDEX inbox_pending_receipts ON inbox (receipt) WHERE state = 'pending';
CREATE INDEX inbox_of_trigger ON inbox (trigger, sequence);
CREATE TABLE inbox_keys (key BLOB PRIMARY KEY, receipt TEXT NOT NULL, until REAL NOT NULL) WITHOUT ROWID;
CREATE INDEX inbox_keys_of_receipt ON inbox_keys (receipt);
CREATE TABLE deliveries (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, trigger TEXT NOT NULL, outcome TEXT NOT NULL,
    body TEXT NOT NULL);
CREATE INDEX deliveries_of_trigger ON deliveries (trigger, id);
CREATE TABLE flushed_deliveries (sequence INTEGER NOT NULL);
INSERT INTO flushed_deliveries VALUES (0);
CREATE TABLE requests (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, workload_id TEXT NOT NULL,
    action TEXT NOT NULL, outcome TEXT, body TEXT NOT NULL);
CREATE INDEX requests_open ON requests (workload_id, action) WHERE outcome IS NULL;
CREATE TABLE runs (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, workload_id TEXT NOT NULL,
    open INTEGER NOT NULL, body TEXT NOT NULL);
CREATE INDEX runs_of_workload ON runs (workload_id, sequence);
CREATE INDEX runs_open ON runs (sequence) WHERE open = 1;
CREATE TABLE polls (key TEXT PRIMARY KEY, state BLOB NOT NULL) WITHOUT ROWID;
"""

STEPS: tuple[str, ...] = (_TABLES, _TRIGGERS)


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
