"""Brings status, events and deliveries to git in batches: only when something changed, in order, and again later when
it failed.

Events and deliveries stay in the journal until the push that carries them succeeded. Deliveries go along with whatever
is flushed; alone they wait for about a minute, so that a chatty sender does not fill git with commits.
"""

from __future__ import annotations

import threading
from typing import Protocol

from agent.board import Board
from agent.chronicle import Chronicle, Note
from agent.core.deliveries import DeliveryRecord
from agent.core.eventlog import Event
from agent.core.reasons import Reason
from agent.errors import PierheadError
from agent.ports import Journal, Recorder
from agent.ports_journal import DeliveryLog

BATCH = 2000
LONGEST_WAIT = 120.0
DELIVERIES_ALONE = 60.0
"""Seconds between two flushes that nothing but deliveries causes."""
CONDITION = "write_back"

_Events = tuple[tuple[int, Event], ...]
_Deliveries = tuple[tuple[int, DeliveryRecord], ...]


class Spools(Journal, DeliveryLog, Protocol):
    """The parts of the journal that go to git."""


class Flusher:
    """`flush` may be called from any thread; one at a time does the work."""

    def __init__(
        self, recorder: Recorder, journal: Spools, board: Board, chronicle: Chronicle, interval: float
    ) -> None:
        self._recorder = recorder
        self._journal = journal
        self._board = board
        self._chronicle = chronicle
        self._interval = interval
        self._failures = 0
        self._calls = 0
        self._flushed_version = -1
        self._once = threading.Lock()
        self.flushes = {"ok": 0, "failed": 0}

    def wait(self) -> float:
        """Seconds until the next flush: the batching interval, longer after failures."""
        return float(max(self._interval, min(LONGEST_WAIT, self._interval * 2**self._failures)))

    def flush(self) -> bool:
        """Write what is new; False when it has to be tried again."""
        with self._once:
            try:
                self._flush()
            except PierheadError as error:
                self._failures = min(self._failures + 1, 8)
                self.flushes["failed"] += 1
                self._failed(error)
                return False
            self._failures = 0
            self._recovered()
            return True

    def _flush(self) -> None:
        version = self._board.version
        self._calls += 1
        events, deliveries = self._batch()
        if version == self._flushed_version and not events and not (deliveries and self._deliveries_are_due()):
            return
        while True:
            self._send(events, deliveries)
            if len(events) < BATCH and len(deliveries) < BATCH:
                break
            events, deliveries = self._batch()
        self._flushed_version = version
        self._calls = 0

    def _batch(self) -> tuple[_Events, _Deliveries]:
        return self._journal.unflushed_events(BATCH), self._journal.unflushed_deliveries(BATCH)

    def _send(self, events: _Events, deliveries: _Deliveries) -> None:
        self._recorder.flush(self._board.status(), [one for _, one in events], [one for _, one in deliveries])
        if events:
            self._journal.mark_flushed(events[-1][0])
        if deliveries:
            self._journal.mark_deliveries_flushed(deliveries[-1][0])
        self.flushes["ok"] += 1

    def _deliveries_are_due(self) -> bool:
        """Told by counting: whoever calls `flush` waits for `wait()` in between."""
        return self._calls * max(self._interval, 1.0) >= DELIVERIES_ALONE

    def _failed(self, error: PierheadError) -> None:
        if self._board.condition(CONDITION, f"{error.reason}: {error}"):
            reason = error.reason if error.reason is Reason.PUSH_REJECTED else Reason.WRITE_BACK_FAILED
            self._chronicle.write(Note(reason=reason, message=str(error), severity="error", source="repository"))

    def _recovered(self) -> None:
        if self._board.condition(CONDITION, None):
            note = Note(
                reason=Reason.WRITE_BACK_RECOVERED,
                message="status and events are in git again",
                source="repository",
            )
            self._chronicle.write(note)
