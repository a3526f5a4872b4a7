"""An inbound event that was accepted and waits to be acted upon."""

from __future__ import annotations

from dataclasses import dataclass

from agent.core.inbound import InboundEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One accepted event. `time` is RFC 3339 in UTC; ids sort by it.

    `workload` limits it to that workload's bindings: what a poll found for one pin, the schedule of one workload.
    `delivery` is the id of the delivery that brought it. `attempts` counts how often acting upon it was put off.
    """

    id: str
    trigger: str
    time: str
    event: InboundEvent
    workload: str | None = None
    delivery: str | None = None
    attempts: int = 0
