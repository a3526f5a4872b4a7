"""Containers of instances that are no longer wanted, such as a tag that left the list.

What never proved itself goes at once, as it may be in the way. What proved itself serves on until everything that is
wanted is there, is started again when it stops meanwhile, and goes then.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from agent.core.kinds import Situation
from agent.core.naming import role_of
from agent.core.observed import ObservedContainer, Role
from agent.core.planning import words
from agent.core.planning.decision import Decision, merge
from agent.core.planning.recovery import keep_serving
from agent.core.planning.removal import remove_steps
from agent.core.planning.withheld import limited
from agent.core.reasons import Phase, Reason

NONE = "no container is wanted, and none is there"


def with_leftovers(
    decisions: Sequence[Decision], leftovers: Sequence[ObservedContainer], situation: Situation
) -> Decision:
    """The decisions about what is wanted, and the one about what is not, as one."""
    present = [one for one in leftovers if one.state != "removing"]
    proven = [one for one in present if role_of(one.name) is Role.ACTIVE and one.state != "dead"]
    useless = _removal([one for one in present if one not in proven])
    if all(decision.settled for decision in decisions):
        decisions = [*useless, *decisions, *_removal(proven)]
    elif proven:
        decisions = [*useless, *map(_served, decisions), *_upkeep(proven, situation)]
    else:
        decisions = [*useless, *decisions]
    if not decisions:
        return Decision(phase=Phase.SYNCED, reason=Reason.CONVERGED, message=NONE)
    return merge(decisions)


def _removal(containers: Sequence[ObservedContainer]) -> list[Decision]:
    if not containers:
        return []
    steps = tuple(remove_steps(containers, "this instance is not wanted any more"))
    message = f"remove {words.count(len(containers))} no longer wanted"
    return [Decision(phase=Phase.SYNCED, reason=Reason.DEPLOYING, message=message, steps=steps)]


def _upkeep(proven: Sequence[ObservedContainer], situation: Situation) -> list[Decision]:
    steps = keep_serving(proven)
    if not steps:
        return []
    message = f"{words.versions(proven)} serves until the wanted version does"
    return [limited(Decision(phase=Phase.SYNCED, reason=Reason.REPAIRING, message=message, steps=steps), situation)]


def _served(decision: Decision) -> Decision:
    """A version that failed has not failed the workload while another one serves."""
    return dataclasses.replace(decision, phase=Phase.DEGRADED) if decision.phase is Phase.FAILED else decision
