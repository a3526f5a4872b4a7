"""Restarts that an event asked for: whoever was started before that is stopped and started, one after the other.

Nothing remembers how far a restart came: the engine tells when each container was started. It begins when nothing else
is to be done, and it takes what serves now, whatever version that is.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence

from agent.core.actions import AwaitHealthy, StartContainer, StopContainer
from agent.core.container import ContainerSpec
from agent.core.kinds import Situation
from agent.core.moments import epoch
from agent.core.naming import role_of
from agent.core.observed import ObservedContainer, Role
from agent.core.plan import Step
from agent.core.planning.decision import Decision
from agent.core.planning.removal import ALIVE, STOP_TIMEOUT
from agent.core.reasons import Phase, Reason

AILING = (Reason.UNHEALTHY, Reason.CRASH_LOOP, Reason.HEALTH_PENDING)
"""What a restart may heal, so that it is no verdict on what comes after it."""


def restarting(
    decision: Decision,
    observed: Iterable[ObservedContainer],
    specs: Mapping[str, ContainerSpec],
    situation: Situation,
) -> Decision:
    """The same decision, or the restart where it leaves nothing to do; `specs` holds wanted ones by fingerprint."""
    if decision.steps or situation.restart_at is None:
        return decision
    due = started_before(observed, situation.restart_at)
    if not due:
        return decision
    return dataclasses.replace(
        decision,
        phase=Phase.SYNCED if decision.reason in AILING else decision.phase,
        reason=Reason.RESTARTING,
        message=situation.restart,
        steps=tuple(step for one in due for step in _restart(one, specs.get(one.fingerprint))),
        until=None,
    )


def started_before(observed: Iterable[ObservedContainer], moment: float) -> Sequence[ObservedContainer]:
    """The serving containers that were started before a moment (epoch seconds), oldest first."""
    return [
        one
        for one in observed
        if one.state in ALIVE
        and role_of(one.name) is Role.ACTIVE
        and one.detail is not None
        and epoch(one.detail.started_at) < moment
    ]


def _restart(one: ObservedContainer, spec: ContainerSpec | None) -> Iterator[Step]:
    """Of a version that is not wanted any more nobody knows the check, which was made with it."""
    cause = "it was started before the restart was asked for"
    timeout = STOP_TIMEOUT if spec is None else spec.stop_timeout
    check = None if spec is None else spec.healthcheck
    yield Step(StopContainer(container=one.id, name=one.name, timeout=timeout), cause)
    yield Step(StartContainer(container=one.id, name=one.name), cause)
    yield Step(AwaitHealthy(container=one.id, name=one.name, healthcheck=check), "it has to prove itself again")
