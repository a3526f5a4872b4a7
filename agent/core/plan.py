"""A plan: what one pass decided for one workload, why, and the steps that follow from it.

A plan has one text. Golden tests, `pierhead plan`, status, events, pull-request comments and the page show that text.
"""

from __future__ import annotations

from dataclasses import dataclass

from agent.core.actions import Action
from agent.core.reasons import Phase, Reason


@dataclass(frozen=True, slots=True)
class Step:
    """One operation and why it is in the plan."""

    action: Action
    cause: str

    @property
    def text(self) -> str:
        return f"{self.action.text} ({self.cause})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The record of one decision; also made when there is nothing to do.

    `phase` and `reason` are what holds if all steps succeed or there are none (Deploying and Repairing become Converged
    then). `until` is the time (epoch seconds) at which looking again makes sense, None when only an event can change
    it. `target` is the fingerprint aimed at, empty when the workload is to be removed.
    """

    workload: str
    workload_id: str
    phase: Phase
    reason: Reason
    message: str
    steps: tuple[Step, ...] = ()
    target: str = ""
    until: float | None = None

    @property
    def empty(self) -> bool:
        return not self.steps

    @property
    def text(self) -> str:
        head = f"{self.workload}: {self.reason}, {self.message}"
        return "\n".join([head, *(f"  {number}. {step.text}" for number, step in enumerate(self.steps, 1))])
