"""What tests of the journal share: a clock that stands until it is moved, and events and deliveries in order."""

from __future__ import annotations

from dataclasses import dataclass

from agent.core.deliveries import DeliveryRecord
from agent.core.eventlog import Event
from agent.core.inbound import InboundEvent
from agent.core.inbox import Received
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

    def received(self, trigger: str = "ci-push", tag: str = "1.4.2", **fields: object) -> Received:
        """An image push that was accepted."""
        pushed = InboundEvent(type="image_push", vendor="harbor", image="registry.example.com/shop", image_tag=tag)
        rest = {"id": self._ids.next(), "time": "2026-11-24T00:30:00.000Z", "event": pushed}
        return Received(trigger=trigger, **(rest | fields))

    def delivery(self, trigger: str = "ci-push", outcome: str = "accepted", **fields: object) -> DeliveryRecord:
        """The record of one delivery."""
        rest = {"id": self._ids.next(), "time": "2026-11-24T00:30:00.000Z", "host": "edge-1", "direction": "in"}
        return DeliveryRecord(trigger=trigger, outcome=outcome, **(rest | fields))
