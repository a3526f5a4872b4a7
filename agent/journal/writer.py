"""Group commit: what several threads want stored at the same moment shares one transaction and one fsync.

One thread commits whatever waits when it is free, in order, so that a single delivery waits for nobody and a thousand
wait for a few fsyncs. Deliveries' own records go along with the next commit, or alone after a short pause.
"""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from functools import partial

from agent.core.deliveries import DeliveryRecord
from agent.core.reasons import Reason
from agent.errors import Transient
from agent.journal.database import Database
from agent.journal.deliveries import DeliveryTable, Row
from agent.journal.inbox import InboxTable, Parcel
from agent.ports_journal import Post

LARGEST = 512
"""Deliveries in one transaction: it must end before others who write have waited too long."""

PAUSE = 0.2
"""Seconds that a delivery's record waits at most for others to go along with."""


class InboxWriter:
    """`submit` and `append` from any thread; the thread that commits begins with the first of them."""

    def __init__(self, database: Database, inbox: InboxTable, deliveries: DeliveryTable) -> None:
        self._database = database
        self._inbox = inbox
        self._deliveries = deliveries
        self._waiting: queue.SimpleQueue[Parcel | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = False

    def submit(self, one: Parcel) -> Future[bool]:
        """Whether the delivery was new, once it is on disk; or why it is not. Whoever stops waiting cancels nothing."""
        one.stored.set_running_or_notify_cancel()
        self._put(one)
        return one.stored

    def append(self, record: DeliveryRecord) -> None:
        """Keep the record of a delivery; after the end it is dropped."""
        if self._deliveries.append(record):
            with suppress(Transient):
                self._put(None)

    def catch_up(self) -> None:
        """Return when all that was given before is on disk, or cannot be."""
        if self._thread is not None:
            with suppress(Transient):
                self.submit(Parcel()).result()

    def close(self) -> None:
        """Commit what waits, then end; safe to call twice."""
        with self._lock:
            self._closed = True
            self._waiting.put(None)
        if self._thread is not None:
            self._thread.join()

    def _put(self, one: Parcel | None) -> None:
        with self._lock:
            if self._closed:
                raise Transient(Reason.JOURNAL_UNAVAILABLE, f"journal {self._database.path}: it is closed")
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="inbox", daemon=True)
                self._thread.start()
            self._waiting.put(one)

    def _run(self) -> None:
        while not (self._closed and self._waiting.empty()):
            parcels = self._take()
            if parcels is not None:
                self._commit(parcels)
        self._commit([])

    def _take(self) -> list[Parcel] | None:
        """All that waits, at least one; none of them after the pause; None when it was only woken."""
        taken: list[Parcel | None] = []
        with suppress(queue.Empty):
            taken.append(self._waiting.get(timeout=PAUSE if self._deliveries.waiting else None))
            while len(taken) < LARGEST:
                taken.append(self._waiting.get_nowait())
        parcels = [one for one in taken if one is not None]
        return None if taken and not parcels else parcels

    def _commit(self, parcels: list[Parcel]) -> None:
        rows = self._deliveries.take()
        try:
            answers = self._write(parcels, rows)
        except Exception as error:  # noqa: BLE001 - each caller raises it; the thread must outlive it
            self._deliveries.put_back(rows)
            _tell([partial(one.stored.set_exception, error) for one in parcels], parcels)
        else:
            _tell([partial(one.stored.set_result, new) for one, new in zip(parcels, answers, strict=True)], parcels)

    def _write(self, parcels: list[Parcel], rows: list[Row]) -> list[bool]:
        def work(connection: sqlite3.Connection) -> list[bool]:
            if rows:
                self._deliveries.store(connection, rows)
            return self._inbox.store(connection, parcels)

        if not parcels and not rows:
            return []
        return self._database.write(work, durable=any(one.events for one in parcels))


def _tell(results: Sequence[Callable[[], None]], parcels: Sequence[Parcel]) -> None:
    """Hand out the results, those that go to one event loop together."""
    groups: dict[Post | None, list[Callable[[], None]]] = {}
    for result, one in zip(results, parcels, strict=True):
        groups.setdefault(one.post, []).append(result)
    for post, group in groups.items():
        if post is None:
            _call(group)
        else:
            with suppress(RuntimeError):  # its event loop is closed: nobody waits any more
                post(partial(_call, group))


def _call(functions: Sequence[Callable[[], None]]) -> None:
    for function in functions:
        function()
