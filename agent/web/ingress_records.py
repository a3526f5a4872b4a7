"""Counts every delivery, and has those to known triggers recorded: what came of them, never what was in them.

Strangers cannot fill the record: what went to no trigger is only counted, and of what is refused, failed or repeated a
few a minute are recorded for each trigger; the next record says how many were not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from agent.chronicle import timestamp
from agent.core.deliveries import DUPLICATE, FAILED, REFUSED, DeliveryRecord
from agent.ports_web import Ingress
from agent.web.ingress_answers import Answer
from agent.web.options import WebOptions

A_MINUTE = {REFUSED: 10, FAILED: 10, DUPLICATE: 100}
LARGEST = 10_000
_MINUTE = 60.0


class Concluded(NamedTuple):
    """What became of one request. `known` is whether there is such a trigger, `size` the bytes of its body."""

    name: str
    sender: str
    known: bool
    size: int
    answer: Answer


class Ration:
    """How many of a kind may be recorded for a name in the minute that began with the first of them."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._taken: dict[tuple[str, str], tuple[float, int]] = {}
        self._missed: dict[str, int] = {}

    def take(self, name: str, outcome: str) -> bool:
        """Whether one more may be recorded; else it is counted as missed."""
        limit = A_MINUTE.get(outcome)
        if limit is None:
            return True
        now = self._monotonic()
        began, count = self._taken.get((name, outcome), (now, 0))
        if now - began >= _MINUTE:
            began, count = now, 0
        if count >= limit:
            self._missed[name] = self._missed.get(name, 0) + 1
            return False
        self._taken[name, outcome] = (began, count + 1)
        return True

    def missed(self, name: str) -> int:
        """How many were not recorded since the last call."""
        return self._missed.pop(name, 0)


class Book:
    """For the thread of the event loop; `outcomes` may be read from any."""

    def __init__(self, ingress: Ingress, options: WebOptions) -> None:
        self._ingress = ingress
        self._options = options
        self._ration = Ration(options.monotonic)
        self.outcomes: dict[tuple[str, str], int] = {}
        """How many by trigger and outcome; the trigger is empty where there is none."""

    def note(self, concluded: Concluded, seconds: float) -> None:
        """Count a delivery and keep its record."""
        name = concluded.name if concluded.known else ""
        self._count(name, concluded.answer.outcome)
        if concluded.known and self._ration.take(name, concluded.answer.outcome):
            self._ingress.delivered(self._record(concluded, seconds))

    def _count(self, name: str, outcome: str) -> None:
        key = (name, outcome)
        if key not in self.outcomes and len(self.outcomes) >= LARGEST:
            key = ("", outcome)
        self.outcomes[key] = self.outcomes.get(key, 0) + 1

    def _record(self, concluded: Concluded, seconds: float) -> DeliveryRecord:
        answer = concluded.answer
        return DeliveryRecord(
            id=self._ingress.next_delivery_id(),
            time=timestamp(self._options.now()),
            host=self._options.host,
            direction="in",
            trigger=concluded.name,
            outcome=answer.outcome,
            vendor=answer.vendor,
            status=answer.response.status_code,
            reason=_with_missed(answer.reason, self._ration.missed(concluded.name)),
            events=answer.events,
            sender=concluded.sender,
            size=concluded.size,
            seconds=seconds,
        )


def _with_missed(reason: str, missed: int) -> str:
    if not missed:
        return reason
    return "; ".join(part for part in (reason, f"{missed} before it were not recorded") if part)
