"""Brings status and events to git in batches: only when something changed, in order, and again later when it failed.

Events stay in the journal until the push that carries them succeeded.
"""

from __future__ import annotations

import threading

from agent.board import Board
from agent.chronicle import Chronicle, Note
from agent.core.reasons import Reason
from agent.errors import PierheadError
from agent.ports import Journal, Recorder

BATCH = 2000
LONGEST_WAIT = 120.0
CONDITION = "write_back"


class Flusher:
    """`flush` may be called from any thread; one at a time does the work."""

    def __init__(
        self, recorder: Recorder, journal: Journal, board: Board, chronicle: Chronicle, interval: float
    ) -> None:
        self._recorder = recorder
        self._journal = journal
        self._board = board
        self._chronicle = chronicle
        self._interval = interval
        self._failures = 0
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
        batch = self._journal.unflushed_events(BATCH)
        if version == self._flushed_version and not batch:
            return
        while True:
            self._recorder.flush(self._board.status(), [event for _, event in batch])
            if batch:
                self._journal.mark_flushed(batch[-1][0])
            self.flushes["ok"] += 1
            if len(batch) < BATCH:
                break
            batch = self._journal.unflushed_events(BATCH)
        self._flushed_version = version

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
