"""One group's decision, and how the decisions of several groups become one plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agent.core.plan import Step
from agent.core.reasons import Phase, Reason

ORDER = tuple(Phase)
"""From best to worst."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Like a plan, for one group. `containers` is how many run as wanted, for the message when all is well."""

    phase: Phase
    reason: Reason
    message: str
    steps: tuple[Step, ...] = ()
    until: float | None = None
    instance: str = ""
    containers: int = 0

    @property
    def settled(self) -> bool:
        """Whether the group is, or will be by its steps, as wanted."""
        return self.phase is Phase.SYNCED


def merge(decisions: Sequence[Decision]) -> Decision:
    """What moves speaks first, else what is worst; the steps of all follow one another.

    A version that failed has not failed the workload while another one of it serves.
    """
    steps = tuple(step for decision in decisions for step in decision.steps)
    telling = [decision for decision in decisions if decision.steps or not decision.settled]
    worst = max(decisions, key=lambda decision: ORDER.index(decision.phase))
    leading = next((decision for decision in decisions if decision.steps), worst)
    times = [decision.until for decision in decisions if decision.until is not None]
    serves = any(decision.settled and decision.instance for decision in decisions)
    return Decision(
        phase=Phase.DEGRADED if worst.phase is Phase.FAILED and serves else worst.phase,
        reason=leading.reason,
        message="; ".join(_told(decision) for decision in telling),
        steps=steps,
        until=min(times) if times else None,
        containers=sum(decision.containers for decision in decisions),
    )


def _told(decision: Decision) -> str:
    return f"{decision.instance}: {decision.message}" if decision.instance else decision.message
