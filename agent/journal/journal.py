"""The journal of `agent.ports`: events, quarantine, memory and parsed documents, each method one transaction.

Quarantine and memory are decisions and pay an fsync each (`durable`), as they are rare and a power cut must not undo
them. Events and documents do not: the next pass explains itself again, and documents are only a cache.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from agent.core.eventlog import Event
from agent.errors import Transient
from agent.journal.database import Database
from agent.journal.documents import DocumentCache
from agent.journal.spool import Spool
from agent.ports import Clock, QuarantineEntry

FILE_NAME = "journal.sqlite3"


class SqliteJournal:
    """`data_dir/journal.sqlite3`, made when there is none. Raises Transient or Stalled when it cannot be opened."""

    def __init__(self, data_dir: Path, clock: Clock) -> None:
        self._database = Database(data_dir / FILE_NAME)
        self._spool = Spool(self._database, clock)
        self._documents = DocumentCache(self._database, clock)

    @property
    def notes(self) -> tuple[str, ...]:
        """What happened to the file that people should know, each worth an event; it only grows."""
        return self._database.notes

    @property
    def trouble(self) -> Transient | None:
        """Why events wait in memory now (disk full, locked); None when all of them are on disk."""
        return self._spool.trouble

    def append_event(self, event: Event) -> None:
        """Keep the event on disk or, while there is trouble, in memory; raises Transient when that is full too."""
        self._spool.append(event)

    def unflushed_events(self, limit: int) -> tuple[tuple[int, Event], ...]:
        return self._spool.unflushed(limit)

    def mark_flushed(self, sequence: int) -> None:
        self._spool.mark_flushed(sequence)

    def recent_events(self, limit: int, workload: str | None = None, before: str | None = None) -> tuple[Event, ...]:
        return self._spool.recent(limit, workload, before)

    def last_event_id(self) -> str | None:
        """The greatest event id ever kept here, for `EventIds` to go on from."""
        return self._spool.last_id()

    def quarantine(self, entry: QuarantineEntry) -> None:
        row = (entry.workload_id, entry.fingerprint, entry.reason, entry.message, entry.since, entry.revision)
        self._database.write(
            lambda connection: connection.execute("INSERT OR REPLACE INTO quarantine VALUES (?, ?, ?, ?, ?, ?)", row),
            durable=True,
        )

    def quarantined(self) -> tuple[QuarantineEntry, ...]:
        columns = ("workload_id", "fingerprint", "reason", "message", "since", "revision")
        query = (
            "SELECT workload_id, fingerprint, reason, message, since, revision FROM quarantine ORDER BY since, rowid"
        )
        rows = self._database.read(lambda connection: connection.execute(query).fetchall())
        return tuple(QuarantineEntry(**dict(zip(columns, row, strict=True))) for row in rows)

    def lift_quarantine(self, workload_id: str, keep: str | None = None) -> None:
        """Forget the entries of a workload, except the one of fingerprint `keep`; writes only if there is any."""
        query = "FROM quarantine WHERE workload_id = ? AND fingerprint IS NOT ?"
        values = (workload_id, keep)
        if self._database.read(lambda connection: connection.execute(f"SELECT 1 {query}", values).fetchone()):
            self._database.write(lambda connection: connection.execute(f"DELETE {query}", values), durable=True)

    def remember(self, key: str, value: str) -> None:
        """Keep the value; one that is kept already costs no write."""
        if self.recall(key) == value:
            return
        self._database.write(
            lambda connection: connection.execute("INSERT OR REPLACE INTO memory VALUES (?, ?)", (key, value)),
            durable=True,
        )

    def recall(self, key: str) -> str | None:
        query = "SELECT value FROM memory WHERE key = ?"
        row = self._database.read(lambda connection: connection.execute(query, (key,)).fetchone())
        return None if row is None else row[0]

    def cached_documents(self, blob_ids: Iterable[str]) -> Mapping[str, bytes]:
        return self._documents.get(blob_ids)

    def cache_documents(self, parsed: Mapping[str, bytes]) -> None:
        self._documents.put(parsed)

    def close(self) -> None:
        """Write what still waits, then close; safe to call twice."""
        self._spool.drain(now=True)
        self._database.close()
