"""The spool of events: appended once, kept until they are in git, and the newest of them a while longer.

While the disk is full or the file is locked, events wait in memory, in order, and are written as soon as there is room;
nothing is lost while the process lives. The memory is bounded: an event beyond the bound is refused, never forgotten
silently.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import deque
from itertools import islice

from agent.core.eventlog import Event
from agent.core.reasons import Reason
from agent.errors import Transient
from agent.journal import codec
from agent.journal.database import Database
from agent.ports import Clock

KEEP_FLUSHED = 20_000
KEEP_WAITING = 10_000
_RETRY_SECONDS = 1.0
_PRUNE_BATCH = 2_000


class Spool:
    """Events on disk, and those that wait for the disk."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._lock = threading.RLock()
        self._waiting: deque[Event] = deque()
        self._trouble: Transient | None = None
        self._retry_at = 0.0
        self._all_flushed = False

    @property
    def trouble(self) -> Transient | None:
        """Why events wait in memory now; None when none does."""
        return self._trouble

    def append(self, event: Event) -> None:
        """Accept the event; raises Transient when it can be kept neither on disk nor in memory."""
        with self._lock:
            if len(self._waiting) >= KEEP_WAITING:
                self.drain()
            if len(self._waiting) >= KEEP_WAITING:
                raise self._refusal()
            self._waiting.append(event)
            self._all_flushed = False
            self.drain()

    def drain(self, *, now: bool = False) -> None:
        """Write what waits, if anything does; at most one try a second while there is trouble, unless `now`."""
        with self._lock:
            if not self._waiting or (not now and self._clock.monotonic() < self._retry_at):
                return
            try:
                self._database.write(self._insert)
            except Transient as trouble:
                self._trouble, self._retry_at = trouble, self._clock.monotonic() + _RETRY_SECONDS
            else:
                self._waiting.clear()
                self._trouble, self._retry_at = None, 0.0

    def unflushed(self, limit: int) -> tuple[tuple[int, Event], ...]:
        """Oldest first; the disk is not asked again until something is appended once it said that there are none."""
        with self._lock:
            if self._all_flushed:
                return ()
            self.drain()
            rows = self._database.read(
                lambda connection: connection.execute(
                    "SELECT sequence, body FROM events WHERE sequence > (SELECT sequence FROM flushed)"
                    " ORDER BY sequence LIMIT ?",
                    (limit,),
                ).fetchall()
            )
            self._all_flushed = not rows and not self._waiting
        return tuple((sequence, codec.load(body)) for sequence, body in rows)

    def mark_flushed(self, sequence: int) -> None:
        """Move the watermark up, and delete the oldest flushed events beyond those kept."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("UPDATE flushed SET sequence = max(sequence, ?)", (sequence,))
            connection.execute(
                "DELETE FROM events WHERE sequence <= min((SELECT sequence FROM flushed),"
                " (SELECT max(sequence) FROM events) - ?)",
                (KEEP_FLUSHED,),
            )

        self._database.write(work)

    def recent(self, limit: int, workload: str | None, before: str | None) -> tuple[Event, ...]:
        """Newest first: those that wait, then those on disk."""
        with self._lock:
            waiting = [event for event in reversed(self._waiting) if _wanted(event, workload, before)]
            newest = list(islice(waiting, limit))
            rows = self._database.read(lambda connection: _select(connection, limit - len(newest), workload, before))
        return (*newest, *(codec.load(body) for (body,) in rows))

    def last_id(self) -> str | None:
        """The greatest id in the journal, to go on from after a restart."""
        row = self._database.read(lambda connection: connection.execute("SELECT max(id) FROM events").fetchone())
        return row[0] if row else None

    def _refusal(self) -> Transient:
        trouble = self._trouble or Transient(Reason.JOURNAL_UNAVAILABLE, "the journal cannot be written")
        message = f"{trouble.message}, and {KEEP_WAITING} events wait in memory already: this one was refused"
        return Transient(trouble.reason, message, advice=trouble.advice)

    def _insert(self, connection: sqlite3.Connection) -> None:
        # IGNORE: a try that failed at its very end may have been written after all.
        connection.executemany(
            "INSERT OR IGNORE INTO events (id, workload, body) VALUES (?, ?, ?)",
            [(event.id, event.workload, codec.dump(event)) for event in self._waiting],
        )


def _wanted(event: Event, workload: str | None, before: str | None) -> bool:
    return (workload is None or event.workload == workload) and (before is None or event.id < before)


def _select(connection: sqlite3.Connection, limit: int, workload: str | None, before: str | None) -> list[tuple[str]]:
    conditions, values = ["1"], []
    if workload is not None:
        conditions.append("workload = ?")
        values.append(workload)
    if before is not None:
        # By the unique index on id; an id that is gone stands for the next older one.
        conditions.append("sequence <= (SELECT sequence FROM events WHERE id < ? ORDER BY id DESC LIMIT 1)")
        values.append(before)
    where = " AND ".join(conditions)
    query = f"SELECT body FROM events WHERE {where} ORDER BY sequence DESC LIMIT ?"  # noqa: S608 - constants only
    return connection.execute(query, (*values, limit)).fetchall()
