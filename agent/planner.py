"""Plans of workloads at rest, kept: planning is a pure function, so the same inputs need no second thought.

Kept is only a plan without steps that time alone cannot change: then `now`, which is all that situations are compared
without, has no part in it. Everything else is compared: a container that drifted, another secret, a hold that ran out
or a dependency that failed is another input, and is planned for anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from agent.core.kinds import Situation, SourceKind
from agent.core.model import Workload
from agent.core.observed import ObservedContainer
from agent.core.plan import Plan


@dataclass(frozen=True, slots=True)
class _Kept:
    """The last plan of one workload and all that it was made of."""

    workload: Workload
    observed: tuple[ObservedContainer, ...]
    situation: Situation
    plan: Plan


class Planner:
    """Safe from several threads as long as no two of them plan for the same workload at once."""

    def __init__(self, kinds: Mapping[str, SourceKind]) -> None:
        self._kinds = kinds
        self._kept: dict[str, _Kept] = {}

    def plan(self, workload: Workload, observed: tuple[ObservedContainer, ...], situation: Situation) -> Plan:
        """What the workload's kind decides; the same object as last time while nothing that matters has changed."""
        kept = self._kept.get(workload.id)
        if kept is not None and kept.workload == workload and kept.observed == observed and kept.situation == situation:
            return kept.plan
        plan = self._kinds[workload.source.kind].plan(workload, observed, situation)
        if _timeless(plan, situation):
            self._kept[workload.id] = _Kept(workload, observed, situation, plan)
        else:
            self.forget(workload.id)
        return plan

    def forget(self, workload_id: str) -> None:
        """The workload is gone, or about to change."""
        self._kept.pop(workload_id, None)


def _timeless(plan: Plan, situation: Situation) -> bool:
    """Whether the same plan would be made at any later time: by the contract of `SourceKind.plan`."""
    return plan.empty and plan.until is None and not situation.repairs and situation.retry_at is None
