"""Going back: what is done for a group whose wanted version must not be tried now.

The version that failed is taken away and what served before serves again. Where nothing served before, a proven
container stays as it is and only what never proved itself goes. Every state on the way leads to the same end.
"""

from __future__ import annotations

from collections.abc import Sequence

from agent.core.actions import AwaitHealthy, StartContainer, UnpauseContainer
from agent.core.drift import state_drift
from agent.core.kinds import Situation
from agent.core.observed import ObservedContainer
from agent.core.plan import Step
from agent.core.planning.groups import Group
from agent.core.planning.removal import remove_steps
from agent.core.planning.words import useless

FAILED = "the version failed"


def go_back(group: Group, situation: Situation) -> tuple[Step, ...]:
    """Away with the wanted version, back with the previous one; none when that is done."""
    if group.serving:
        return ()
    previous = group.best_previous(situation)
    current = [slot.current for slot in group.slots if slot.current is not None]
    unproven = [slot.current for slot in group.slots if slot.current is not None and not slot.proven]
    gone = [*(current if previous else unproven), *group.stale, *(group.surplus if previous else ())]
    dead = [one for one in group.previous if one.state == "dead"]
    steps = [
        *remove_steps(gone, FAILED, group.spec.stop_timeout),
        *(step for one in dead for step in remove_steps([one], useless(one), group.spec.stop_timeout)),
        *keep_serving(previous),
    ]
    if previous:
        chosen = {one.id for one in (*previous, *dead)}
        older = [one for one in group.previous if one.id not in chosen]
        steps += remove_steps(older, "older than what serves again", group.spec.stop_timeout)
    return tuple(steps)


def keep_serving(containers: Sequence[ObservedContainer]) -> tuple[Step, ...]:
    """Start what should run, and see that it does. Their own health check was made with them, so none is named."""
    steps: list[Step] = []
    for one in containers:
        drift = state_drift(one)
        if drift is None:
            continue
        paused = one.state == "paused"
        action = (UnpauseContainer if paused else StartContainer)(container=one.id, name=one.name)
        steps.append(Step(action, drift.text))
        steps.append(Step(AwaitHealthy(container=one.id, name=one.name, healthcheck=None), "it serves meanwhile"))
    return tuple(steps)
