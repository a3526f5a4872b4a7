"""Decisions that withhold steps, each with what would lift it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from agent.core.kinds import Situation
from agent.core.observed import ObservedContainer, Role
from agent.core.planning import words
from agent.core.planning.decision import Decision
from agent.core.planning.recovery import keep_serving
from agent.core.reasons import Phase, Reason

REPAIR_LIMIT = 5
REPAIR_WINDOW = 300.0
SECRET_INTERVAL = 30.0
"""Seconds after which a missing secret is looked for again; nothing tells when it comes."""


def suspended(observed: Sequence[ObservedContainer]) -> Decision:
    """Leave everything as it is."""
    running = words.count(sum(one.running for one in observed))
    message = f"`suspend: true`; nothing is changed, {running} left running"
    return Decision(phase=Phase.SUSPENDED, reason=Reason.SUSPENDED, message=message)


def no_secret(missing: Sequence[str], observed: Sequence[ObservedContainer], situation: Situation) -> Decision:
    """Without the secret nobody can tell which version is wanted: nothing new is made, what served is kept up."""
    proven = _idle_places(observed)
    steps = keep_serving(proven)
    serves = bool(proven) or any(one.running for one in observed)
    names = ", ".join(f"`{name}`" for name in missing)
    noun = "secret" if len(missing) == 1 else "secrets"
    decision = Decision(
        phase=Phase.DEGRADED if serves else Phase.FAILED,
        reason=Reason.REPAIRING if steps else Reason.SECRET_MISSING,
        message=f"{noun} {names} not found by any provider; {words.kept_up(proven or observed, started=bool(steps))}",
        steps=steps,
        until=situation.now + SECRET_INTERVAL,
    )
    return limited(decision, situation)


def _idle_places(observed: Sequence[ObservedContainer]) -> list[ObservedContainer]:
    """The newest proven container of each place in which nothing runs."""
    busy = {(one.instance, one.index) for one in observed if one.state in ("running", "restarting")}
    idle: dict[tuple[str, int], ObservedContainer] = {}
    for one in observed:
        place = (one.instance, one.index)
        if place not in busy and one.role is Role.ACTIVE and one.state not in ("dead", "removing"):
            idle[place] = one
    return list(idle.values())


def no_network(owner_name: str, situation: Situation) -> Decision:
    """The container to be joined is not there; without it nothing can start."""
    state = situation.waiting_for.get(owner_name, "not running")
    message = f"waiting for {owner_name} ({state}), whose network it joins"
    return Decision(phase=Phase.WAITING, reason=Reason.DEPENDENCY_NOT_READY, message=message)


def limited(decision: Decision, situation: Situation) -> Decision:
    """Repairs that come too often are held back until the oldest of them is long enough ago."""
    recent = sorted(moment for moment in situation.repairs if moment > situation.now - REPAIR_WINDOW)
    if decision.reason is not Reason.REPAIRING or len(recent) < REPAIR_LIMIT:
        return decision
    message = f"{len(recent)} repairs in 5 minutes did not help; {decision.message}"
    return dataclasses.replace(
        decision,
        phase=max(Phase.DEGRADED, decision.phase, key=tuple(Phase).index),
        reason=Reason.REPAIR_LIMIT,
        message=message,
        steps=(),
        until=recent[-REPAIR_LIMIT] + REPAIR_WINDOW,
    )


def too_early(decision: Decision, observed: Sequence[ObservedContainer], situation: Situation) -> Decision:
    """After a failure that time may mend, nothing is tried before its time has come."""
    if not decision.steps or situation.retry_at is None or situation.retry_at <= situation.now:
        return decision
    serves = any(one.running for one in observed)
    return dataclasses.replace(
        decision,
        phase=Phase.DEGRADED if serves else Phase.FAILED,
        reason=Reason.BACKING_OFF,
        message=f"{situation.retry_reason or 'a step failed'}, trying again later; {words.serving(observed)}",
        steps=(),
        until=situation.retry_at,
    )
