"""What events asked of workloads besides a pin, until it is done. Asking again with the same id asks nothing new.

Closed requests stay a while, so that an event that is handled twice after a crash does not ask twice.
"""

from __future__ import annotations

import sqlite3
from dataclasses import asdict

from agent.core.requests import LATEST_ONLY, Request
from agent.journal import codec
from agent.journal.database import Database

KEEP_CLOSED = 2_000


class RequestTable:
    """Requests are decisions: each change pays an fsync."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, request: Request) -> None:
        row = (request.id, request.workload_id, request.action, codec.pack(asdict(request)))

        def work(connection: sqlite3.Connection) -> None:
            added = connection.execute(
                "INSERT OR IGNORE INTO requests (id, workload_id, action, body) VALUES (?, ?, ?, ?)", row
            )
            if added.rowcount and request.action in LATEST_ONLY:
                connection.execute(
                    "UPDATE requests SET outcome = ? WHERE outcome IS NULL AND workload_id = ? AND action = ?"
                    " AND id <> ?",
                    (f"replaced by {request.id}", request.workload_id, request.action, request.id),
                )

        self._database.write(work, durable=True)

    def open(self, workload_id: str | None) -> tuple[Request, ...]:
        """Oldest first."""
        query = "SELECT body FROM requests WHERE outcome IS NULL AND (?1 IS NULL OR workload_id = ?1) ORDER BY sequence"
        rows = self._database.read(lambda connection: connection.execute(query, (workload_id,)).fetchall())
        return tuple(codec.unpack(Request, body) for (body,) in rows)

    def close(self, request_id: str, outcome: str) -> None:
        """It is done, or never will be; one that is closed or unknown stays as it is."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "UPDATE requests SET outcome = ? WHERE id = ? AND outcome IS NULL", (codec.plain(outcome), request_id)
            )
            connection.execute(
                "DELETE FROM requests WHERE outcome IS NOT NULL"
                " AND sequence <= (SELECT max(sequence) FROM requests) - ?",
                (KEEP_CLOSED,),
            )

        self._database.write(work, durable=True)
