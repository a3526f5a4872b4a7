"""The journal of `agent.ports` and `agent.ports_journal`, each method one transaction.

Decisions pay an fsync (`durable`), as a power cut must not undo them: quarantine, memory, what was received, requests
and runs. Events, deliveries and documents do not: the next pass explains itself again, and documents are only a cache.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path

from agent.core.deliveries import DeliveryRecord
from agent.core.eventlog import Event
from agent.core.inbox import Received
from agent.core.requests import Request
from agent.core.runs import Run
from agent.errors import Transient
from agent.journal.database import Database
from agent.journal.deliveries import DeliveryTable
from agent.journal.documents import DocumentCache
from agent.journal.inbox import InboxTable, parcel
from agent.journal.polls import PollTable
from agent.journal.requests import RequestTable
from agent.journal.runs import RunTable
from agent.journal.spool import Spool
from agent.journal.writer import InboxWriter
from agent.ports import Clock, QuarantineEntry
from agent.ports_journal import Post

FILE_NAME = "journal.sqlite3"


class SqliteJournal:
    """`data_dir/journal.sqlite3`, made when there is none. Raises Transient or Stalled when it cannot be opened."""

    def __init__(self, data_dir: Path, clock: Clock) -> None:
        self._database = Database(data_dir / FILE_NAME)
        self._spool = Spool(self._database, clock)
        self._documents = DocumentCache(self._database, clock)
        self._inbox = InboxTable(self._database, clock)
        self._deliveries = DeliveryTable(self._database)
        self._writer = InboxWriter(self._database, self._inbox, self._deliveries)
        self._requests = RequestTable(self._database)
        self._runs = RunTable(self._database)
        self._polls = PollTable(self._database)
        self._others = self._database.version_of_others()

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
        """The greatest id kept here, of the event log and the inbox, for `EventIds` to go on from."""
        return max(self._spool.last_id() or "", self._inbox.newest_id()) or None

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

    # agent.ports_journal.Inbox

    def receive(self, received: Sequence[Received], keys: Sequence[str], *, until: float) -> bool:
        return self._writer.submit(parcel(received, keys, until)).result()

    def submit(
        self, received: Sequence[Received], keys: Sequence[str], *, until: float, post: Post | None = None
    ) -> Future[bool]:
        return self._writer.submit(parcel(received, keys, until, post))

    def pending_events(self, limit: int) -> tuple[Received, ...]:
        return self._inbox.pending(limit)

    def settle(self, ids: Sequence[str], outcome: str, *, failed: bool = False) -> None:
        self._inbox.settle(ids, outcome, failed=failed)

    def postpone(self, ids: Sequence[str], until: float, why: str) -> None:
        self._inbox.postpone(ids, until, why)

    def fate_of_event(self, event_id: str) -> tuple[str, str] | None:
        """`pending`, `done` or `failed`, and the outcome in words; None for an event that is not here."""
        return self._inbox.fate(event_id)

    def inbox_depth(self) -> int:
        return self._inbox.depth()

    def last_received(self, trigger: str) -> Received | None:
        return self._inbox.last(trigger)

    def changed_by_others(self) -> bool:
        """For one caller: the next call only tells of what came after this one."""
        before, self._others = self._others, self._database.version_of_others()
        return before != self._others

    # agent.ports_journal.DeliveryLog

    @property
    def deliveries_dropped(self) -> int:
        return self._deliveries.dropped

    def append_delivery(self, record: DeliveryRecord) -> None:
        self._writer.append(record)

    def recent_deliveries(
        self, limit: int, trigger: str | None = None, before: str | None = None, outcome: str | None = None
    ) -> tuple[DeliveryRecord, ...]:
        self._writer.catch_up()
        return self._deliveries.recent(limit, trigger, before, outcome)

    def unflushed_deliveries(self, limit: int) -> tuple[tuple[int, DeliveryRecord], ...]:
        self._writer.catch_up()
        return self._deliveries.unflushed(limit)

    def mark_deliveries_flushed(self, sequence: int) -> None:
        self._deliveries.mark_flushed(sequence)

    # agent.ports_journal.Requests

    def request(self, request: Request) -> None:
        self._requests.add(request)

    def requests(self, workload_id: str | None = None) -> tuple[Request, ...]:
        return self._requests.open(workload_id)

    def close_request(self, request_id: str, outcome: str) -> None:
        self._requests.close(request_id, outcome)

    # agent.ports_journal.Runs

    def save_run(self, run: Run) -> None:
        self._runs.save(run)

    def runs(self, workload_id: str | None = None, limit: int = 20) -> tuple[Run, ...]:
        return self._runs.recent(workload_id, limit)

    def open_runs(self) -> tuple[Run, ...]:
        return self._runs.open()

    def keep_runs(self, workload_id: str, count: int) -> None:
        self._runs.keep(workload_id, count)

    # agent.ports_journal.Polls

    def save_poll(self, key: str, state: bytes) -> None:
        self._polls.save(key, state)

    def load_poll(self, key: str) -> bytes | None:
        return self._polls.load(key)

    def forget_polls(self, keep: Iterable[str]) -> None:
        self._polls.forget_others(keep)

    def close(self) -> None:
        """Write what still waits, then close; safe to call twice."""
        self._writer.close()
        self._spool.drain(now=True)
        self._database.close()
