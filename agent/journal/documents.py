"""Parsed documents by git blob id. Only a cache: bounded, the least recently used go first, losing it costs a parse."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping

from agent.journal.database import Database
from agent.ports import Clock

KEEP_BYTES = 64 * 1024 * 1024
_DAY = 86_400


class DocumentCache:
    """A use is noted by the day, so that reading 1,000 documents writes nothing on most passes."""

    def __init__(self, database: Database, clock: Clock, keep_bytes: int = KEEP_BYTES) -> None:
        self._database = database
        self._clock = clock
        self._keep_bytes = keep_bytes

    def get(self, blob_ids: Iterable[str]) -> dict[str, bytes]:
        """All that are known, by one SELECT however many are asked for."""
        wanted, today = json.dumps(list(blob_ids)), self._today()
        rows = self._database.read(
            lambda connection: connection.execute(
                "SELECT blob_id, used, body FROM documents WHERE blob_id IN (SELECT value FROM json_each(?))", (wanted,)
            ).fetchall()
        )
        old = [blob_id for blob_id, used, _ in rows if used < today]
        if old:
            self._touch(old, today)
        return {blob_id: body for blob_id, _, body in rows}

    def put(self, parsed: Mapping[str, bytes]) -> None:
        if not parsed:
            return
        rows = [(blob_id, self._today(), len(body), body) for blob_id, body in parsed.items()]

        def work(connection: sqlite3.Connection) -> None:
            connection.executemany("INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?)", rows)
            self._evict(connection)

        self._database.write(work)

    def _touch(self, blob_ids: list[str], today: int) -> None:
        wanted = json.dumps(blob_ids)
        self._database.write(
            lambda connection: connection.execute(
                "UPDATE documents SET used = ? WHERE blob_id IN (SELECT value FROM json_each(?))", (today, wanted)
            )
        )

    def _evict(self, connection: sqlite3.Connection) -> None:
        """Delete the oldest until the rest fits. The sum is read from an index, not from the documents."""
        excess = (connection.execute("SELECT sum(size) FROM documents").fetchone()[0] or 0) - self._keep_bytes
        if excess <= 0:
            return
        gone = []
        for row_id, size in connection.execute("SELECT rowid, size FROM documents ORDER BY used, rowid"):
            gone.append((row_id,))
            excess -= size
            if excess <= 0:
                break
        connection.executemany("DELETE FROM documents WHERE rowid = ?", gone)

    def _today(self) -> int:
        return int(self._clock.now()) // _DAY
