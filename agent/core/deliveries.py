"""Deliveries: the agent talking to the outside, one record for each webhook received and each message sent.

A record says what became of it and never holds a secret, a header or a body.
"""

from __future__ import annotations

from dataclasses import dataclass

ACCEPTED = "accepted"
IGNORED = "ignored"
DUPLICATE = "duplicate"
REFUSED = "refused"
FAILED = "failed"
SENT = "sent"
OUTCOMES = (ACCEPTED, IGNORED, DUPLICATE, REFUSED, FAILED, SENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRecord:
    """One delivery. `time` is RFC 3339 in UTC; ids sort by it. `direction` is `in` or `out`, `outcome` one of OUTCOMES.

    `status` is the HTTP status answered or received, 0 where there was none. `events` are the ids of what it brought or
    of what caused it, `sender` the address at the other end, `size` bytes of body, `seconds` how long it took.
    """

    id: str
    time: str
    host: str
    direction: str
    trigger: str
    outcome: str
    vendor: str | None = None
    status: int = 0
    reason: str = ""
    events: tuple[str, ...] = ()
    sender: str = ""
    size: int = 0
    seconds: float = 0.0

    def as_dict(self) -> dict[str, object]:
        """The JSON form of `delivery.schema.json`; an unknown vendor is left out."""
        record: dict[str, object] = {
            "id": self.id,
            "time": self.time,
            "host": self.host,
            "direction": self.direction,
            "trigger": self.trigger,
            "outcome": self.outcome,
            "status": self.status,
            "reason": self.reason,
            "events": list(self.events),
            "sender": self.sender,
            "size": self.size,
            "seconds": round(self.seconds, 6),
        }
        return record if self.vendor is None else record | {"vendor": self.vendor}


def tally(records: tuple[DeliveryRecord, ...]) -> str:
    """How many there are of each outcome: `3 accepted, 1 refused`."""
    counts = {outcome: sum(one.outcome == outcome for one in records) for outcome in OUTCOMES}
    return ", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count)
