"""What tests of the journal share: a clock that stands until it is moved, and events in order."""

from __future__ import annotations

from dataclasses import dataclass

from agent.core.eventlog import Event
from agent.core.reasons import Reason
from agent.journal.ids import EventIds


@dataclass
class MovedClock:
    """Shows the time that a test sets; `monotonic` moves on its own."""

    time: float = 1_795_480_200.0
    elapsed: float = 0.0

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.elapsed

    def wait(self, seconds: float) -> None:
        self.elapsed += seconds


class EventMaker:
    """Makes events with ids that rise."""

    def __init__(self, clock: MovedClock, last: str | None = None) -> None:
        self._ids = EventIds(clock, last)

    def make(self, message: str = "deployed 1.4.2", workload: str | None = "shop", **fields: object) -> Event:
        return Event(
            id=self._ids.next(),
            time="2026-11-24T00:30:00.000Z",
            host="edge-1",
            severity="info",
            source="reconcile",
            reason=Reason.DEPLOYED,
            message=message,
            workload=workload,
            **fields,
        )
