"""Plans for containers whose workload is not in the desired state: removed from it, or unreadable in it."""

from __future__ import annotations

from agent.core.observed import ObservedContainer
from agent.core.plan import Plan
from agent.core.planning.removal import remove_steps
from agent.core.planning.words import count
from agent.core.reasons import Phase, Reason

CAUSE = "not in the configuration any more"


def plan_removal(
    observed: tuple[ObservedContainer, ...],
    *,
    complete: bool = True,
    retry_at: float | None = None,
    prune: bool | None = None,
) -> Plan:
    """Remove all containers of a workload that is gone, candidates included; volumes are kept.

    `observed` is not empty and oldest first. `complete` is False when some document could not even be named, so that
    the workload may only seem to be gone. `retry_at` is given while a failed removal is not tried again. `prune` is
    what the workload said last, None where nobody remembers: then the containers' labels count.
    """
    newest = observed[-1]
    keep = any(one.extra.get("prune") is False for one in observed) if prune is None else not prune
    phase, reason, message, until = _verdict(observed, keep=keep, complete=complete, retry_at=retry_at)
    present = [one for one in observed if one.state != "removing"]
    return Plan(
        workload=newest.workload,
        workload_id=newest.workload_id,
        phase=phase,
        reason=reason,
        message=message,
        steps=tuple(remove_steps(present, CAUSE)) if reason is Reason.REMOVING else (),
        until=until,
    )


def _verdict(
    observed: tuple[ObservedContainer, ...], *, keep: bool, complete: bool, retry_at: float | None
) -> tuple[Phase, Reason, str, float | None]:
    number = count(len(observed))
    if keep:
        message = f"{CAUSE}; {number} left alone, because the workload said `prune: false`"
        return Phase.SUSPENDED, Reason.PRUNE_DISABLED, message, None
    if not complete:
        message = (
            f"{CAUSE}, or in a document that cannot be read; {number} left alone until every document can be named"
        )
        return Phase.WAITING, Reason.PRUNE_WITHHELD, message, None
    if retry_at is not None:
        return Phase.DEGRADED, Reason.BACKING_OFF, f"{CAUSE}; removing failed and is tried again", retry_at
    return Phase.SYNCED, Reason.REMOVING, f"{CAUSE}; remove {number}, keep the volumes", None


def plan_invalid(workload_name: str, workload_id: str, observed: tuple[ObservedContainer, ...]) -> Plan:
    """Leave a workload as it is whose document cannot be used."""
    running = count(sum(one.running for one in observed))
    return Plan(
        workload=workload_name,
        workload_id=workload_id,
        phase=Phase.INVALID,
        reason=Reason.INVALID_DOCUMENT,
        message=f"the document has errors (see problems); {running} left running as before",
    )
