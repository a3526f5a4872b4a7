"""The log of deliveries: kept in memory until the next group commit takes them along, then on disk until newer ones
push them out.

Deliveries are no decisions, so a full disk may cost some: beyond the bound the oldest are dropped and counted.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import deque

from agent.core.deliveries import DeliveryRecord
from agent.journal import codec
from agent.journal.database import Database, insert

KEEP = 5_000
PRUNE_EVERY = 500

Row = tuple[str, str, str, str]


class DeliveryTable:
    """Appending is cheap; `store` is called by `InboxWriter` alone, within its transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._waiting: deque[Row] = deque()
        self._stored = PRUNE_EVERY  # a process that lives shortly prunes too
        self.dropped = 0
        """How many were pushed out before they were in git."""

    @property
    def waiting(self) -> bool:
        return bool(self._waiting)

    def append(self, record: DeliveryRecord) -> bool:
        """Keep it in memory; True when nothing waited before it."""
        row = (record.id, codec.plain(record.trigger), record.outcome, codec.pack(record.as_dict()))
        with self._lock:
            self._waiting.append(row)
            self._trim()
            return len(self._waiting) == 1

    def take(self) -> list[Row]:
        """All that wait, to be stored."""
        with self._lock:
            rows = list(self._waiting)
            self._waiting.clear()
        return rows

    def put_back(self, rows: list[Row]) -> None:
        """They could not be stored: they wait on, before those that came meanwhile."""
        with self._lock:
            self._waiting.extendleft(reversed(rows))
            self._trim()

    def store(self, connection: sqlite3.Connection, rows: list[Row]) -> None:
        insert(connection, "INSERT OR IGNORE INTO deliveries (id, trigger, outcome, body)", rows)
        self._stored += len(rows)
        if self._stored >= PRUNE_EVERY:
            self._stored = 0
            self._prune(connection)

    def recent(
        self, limit: int, trigger: str | None, before: str | None, outcome: str | None
    ) -> tuple[DeliveryRecord, ...]:
        """Newest first."""
        query, values = _query(trigger, before, outcome)
        rows = self._database.read(lambda connection: connection.execute(query, (*values, limit)).fetchall())
        return tuple(codec.unpack(DeliveryRecord, body) for (body,) in rows)

    def unflushed(self, limit: int) -> tuple[tuple[int, DeliveryRecord], ...]:
        """Oldest first, with their sequence numbers."""
        query = (
            "SELECT sequence, body FROM deliveries WHERE sequence > (SELECT sequence FROM flushed_deliveries)"
            " ORDER BY sequence LIMIT ?"
        )
        rows = self._database.read(lambda connection: connection.execute(query, (limit,)).fetchall())
        return tuple((sequence, codec.unpack(DeliveryRecord, body)) for sequence, body in rows)

    def mark_flushed(self, sequence: int) -> None:
        query = "UPDATE flushed_deliveries SET sequence = max(sequence, ?)"
        self._database.write(lambda connection: connection.execute(query, (sequence,)))

    def _trim(self) -> None:
        while len(self._waiting) > KEEP:
            self._waiting.popleft()
            self.dropped += 1

    def _prune(self, connection: sqlite3.Connection) -> None:
        newest = connection.execute("SELECT max(sequence) FROM deliveries").fetchone()[0] or 0
        lost = (
            "SELECT count(*) FROM deliveries WHERE sequence <= ?"
            " AND sequence > (SELECT sequence FROM flushed_deliveries)"
        )
        self.dropped += connection.execute(lost, (newest - KEEP,)).fetchone()[0]
        connection.execute("DELETE FROM deliveries WHERE sequence <= ?", (newest - KEEP,))


def _query(trigger: str | None, before: str | None, outcome: str | None) -> tuple[str, list[str]]:
    wanted = {
        "trigger = ?": None if trigger is None else codec.plain(trigger),
        "id < ?": before,
        "outcome = ?": outcome,
    }
    conditions = {condition: value for condition, value in wanted.items() if value is not None}
    where = " AND ".join(["1", *conditions])
    return f"SELECT body FROM deliveries WHERE {where} ORDER BY id DESC LIMIT ?", list(conditions.values())  # noqa: S608 - constants only
