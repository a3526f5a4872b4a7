"""The verdict on a group that needs no step: everything is there, so only its health is left to tell."""

from __future__ import annotations

from agent.core.kinds import Situation
from agent.core.observed import ObservedContainer
from agent.core.planning.decision import Decision
from agent.core.planning.groups import Group
from agent.core.reasons import Phase, Reason


def steady(group: Group, situation: Situation) -> Decision:
    """The worst container speaks for the group."""
    containers = [slot.current for slot in group.slots if slot.current is not None]
    verdicts = [verdict for one in containers if (verdict := _verdict(one, situation)) is not None]
    phase, reason, message = max(
        verdicts, key=lambda verdict: verdict[0] is Phase.DEGRADED, default=(Phase.SYNCED, Reason.CONVERGED, "")
    )
    return Decision(
        phase=phase, reason=reason, message=message, instance=group.spec.instance, containers=len(containers)
    )


def _verdict(container: ObservedContainer, situation: Situation) -> tuple[Phase, Reason, str] | None:
    """What is wrong with a container that is there; None when nothing is."""
    if container.state == "restarting":
        code = f" with code {container.exit_code}" if container.exit_code is not None else ""
        message = f"{container.name} ends again and again{code}; the engine keeps restarting it"
        return Phase.DEGRADED, Reason.CRASH_LOOP, message
    why = situation.unhealthy.get(container.id)
    if why is None and container.health == "unhealthy":
        why = "its health check fails"
    if why is not None:
        return Phase.DEGRADED, Reason.UNHEALTHY, f"{container.name} is unhealthy: {why}"
    if container.health == "starting":
        return Phase.PROGRESSING, Reason.HEALTH_PENDING, f"{container.name} runs, its first health check is not done"
    return None
