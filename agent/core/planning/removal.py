"""Steps that take containers away. Volumes and host folders always stay."""

from __future__ import annotations

from collections.abc import Iterable

from agent.core.actions import RemoveContainer, StopContainer
from agent.core.observed import ObservedContainer
from agent.core.plan import Step

STOP_TIMEOUT = 10.0
ALIVE = ("running", "paused", "restarting")
"""States in which a process may still be there."""


def stop_steps(containers: Iterable[ObservedContainer], cause: str, timeout: float = STOP_TIMEOUT) -> list[Step]:
    """Stop those that have a process."""
    return [
        Step(StopContainer(container=one.id, name=one.name, timeout=timeout), cause)
        for one in containers
        if one.state in ALIVE
    ]


def remove_steps(containers: Iterable[ObservedContainer], cause: str, timeout: float = STOP_TIMEOUT) -> list[Step]:
    """Stop and remove, one after the other."""
    steps: list[Step] = []
    for one in containers:
        steps += stop_steps([one], cause, timeout)
        steps.append(Step(RemoveContainer(container=one.id, name=one.name), cause))
    return steps
