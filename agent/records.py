"""Turns what a pass decided and did into the record on the board and the events in the log.

The board always holds the newest record; an event is written when something began, ended or changed, never for a pass
that found everything as before.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from agent.board import Board
from agent.chronicle import Chronicle, Note, timestamp
from agent.core.kinds import SourceKind
from agent.core.model import Workload
from agent.core.observed import ObservedContainer
from agent.core.plan import Plan, Step
from agent.core.reasons import Phase, Reason
from agent.core.status import ContainerStatus, WorkloadStatus
from agent.engine.apply import Applied, Failed
from agent.failures import Failures
from agent.follower import Follower
from agent.observer import Observer
from agent.ports import QuarantineEntry

SEVERITIES = {Phase.DEGRADED: "error", Phase.FAILED: "error", Phase.INVALID: "error", Phase.WAITING: "warning"}
OUTCOMES = {
    Reason.DEPLOYING: Reason.DEPLOYED,
    Reason.REPAIRING: Reason.REPAIRED,
    Reason.REMOVING: Reason.REMOVED,
    Reason.ROLLING_BACK: Reason.ROLLED_BACK,
    Reason.QUARANTINED: Reason.ROLLED_BACK,
    Reason.RESTARTING: Reason.RESTARTED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where a record takes its parts from."""

    follower: Follower
    observer: Observer
    failures: Failures
    kinds: Mapping[str, SourceKind]


class _Basis(NamedTuple):
    """All that the record of a workload is made of."""

    plan: Plan
    workload: Workload | None
    containers: tuple[ObservedContainer, ...]
    quarantine: QuarantineEntry | None


class Recordkeeper:
    """Thread-safe, as far as what it writes to is."""

    def __init__(self, board: Board, chronicle: Chronicle, sources: Sources) -> None:
        self._board = board
        self._chronicle = chronicle
        self._sources = sources
        self._at_rest: dict[str, tuple[_Basis, WorkloadStatus]] = {}
        self.outcomes: dict[tuple[str, str], int] = {}

    # At rest

    def record(self, plan: Plan) -> None:
        """The record of a pass that ends with nothing to do."""
        before = self._board.get(plan.workload_id)
        status = self._status_at_rest(plan)
        if self._board.record(status):
            self._tell_change(before, status)

    def _status_at_rest(self, plan: Plan) -> WorkloadStatus:
        """The same object as last time where nothing that it is made of has changed."""
        basis = self._basis(plan)
        kept = self._at_rest.get(plan.workload_id)
        if kept is None or kept[0] != basis:
            kept = (basis, self._status(basis, plan.phase, plan.reason, plan.message))
            self._at_rest[plan.workload_id] = kept
        return kept[1]

    def _tell_change(self, before: WorkloadStatus | None, status: WorkloadStatus) -> None:
        if before is not None and (before.phase, before.reason) == (status.phase, status.reason):
            return
        if status.phase is Phase.SYNCED and (before is None or before.phase in (Phase.SYNCED, Phase.PROGRESSING)):
            return
        severity = SEVERITIES.get(status.phase, "info")
        self._write(status.reason, status.message, status.name, severity=severity)

    def drop(self, workload_id: str) -> None:
        """Nothing is left of this workload."""
        self._at_rest.pop(workload_id, None)
        self._board.drop(workload_id)

    def unready(self, names: Iterable[str]) -> dict[str, str]:
        """Dependencies that are not ready, and what each is in."""
        found: dict[str, str] = {}
        for name in names:
            status = self._board.named(name)
            if status is None:
                found[name] = "not looked at yet"
            elif status.phase is not Phase.SYNCED:
                found[name] = str(status.phase)
        return found

    # In motion

    def begin(self, plan: Plan, because: Mapping[str, object]) -> None:
        """A plan with steps is about to be carried out; `because` names trigger and event where one asked for it."""
        self._board.record(self._status(self._basis(plan), Phase.PROGRESSING, plan.reason, plan.message))
        drifted = plan.reason is Reason.REPAIRING
        reason = Reason.DRIFT_DETECTED if drifted else plan.reason
        steps = [step.text for step in plan.steps]
        severity = "warning" if drifted else "info"
        data = {"plan": steps, "target": plan.target, **because}
        self._write(reason, plan.message, plan.workload, severity=severity, data=data)

    def progress(self, plan: Plan, step: Step) -> None:
        """One step begins; shown on the board, not in the log."""
        self._board.record(self._status(self._basis(plan), Phase.PROGRESSING, plan.reason, step.action.text))

    def applied(self, plan: Plan, outcome: Applied, because: Mapping[str, object]) -> None:
        """All steps are done."""
        reason = OUTCOMES.get(plan.reason, plan.reason)
        self._count(str(reason))
        data: dict[str, object] = {"seconds": round(outcome.seconds, 3), **because}
        if outcome.digests:
            data["digests"] = dict(outcome.digests)
        self._write(reason, plan.message, plan.workload, data=data)
        if plan.reason is Reason.REMOVING:
            self._tell_volumes(plan)

    def _tell_volumes(self, plan: Plan) -> None:
        containers = self._sources.observer.latest.groups.get(plan.workload_id, ())
        volumes = sorted({volume for container in containers for volume in container.volumes})
        if volumes:
            message = f"kept the data of {plan.workload}: {', '.join(volumes)}; remove it by hand when it is not needed"
            self._write(Reason.VOLUMES_KEPT, message, plan.workload, data={"volumes": volumes})

    def failed(self, plan: Plan, failed: Failed, until: str | None, because: Mapping[str, object]) -> None:
        """A step failed; `until` is when it is tried again, None for never."""
        self._count("Failed")
        again = f"trying again at {until}" if until else "not tried again until a commit changes this workload"
        advice = f" {failed.advice[:1].upper()}{failed.advice[1:]}." if failed.advice else ""
        message = f"{failed.step.action.text}: {failed.message}.{advice} This version is {again}"
        data: dict[str, object] = {"step": failed.step.text, "target": plan.target, **because}
        if failed.logs:
            data["logs"] = list(failed.logs)
        if failed.exit_code is not None:
            data["exit_code"] = failed.exit_code
        self._write(failed.reason, message, plan.workload, severity="error", data=data)

    def _count(self, outcome: str) -> None:
        key = ("workload_outcomes_total", outcome)
        self.outcomes[key] = self.outcomes.get(key, 0) + 1

    def _write(
        self,
        reason: Reason,
        message: str,
        workload: str,
        *,
        severity: str = "info",
        data: Mapping[str, object] | None = None,
    ) -> None:
        desired = self._sources.follower.state.desired
        note = Note(
            reason=reason,
            message=message,
            severity=severity,
            workload=workload,
            revision=desired.revision if desired else None,
            data=data,
        )
        self._chronicle.write(note)

    # The record itself

    def _basis(self, plan: Plan) -> _Basis:
        sources = self._sources
        return _Basis(
            plan,
            sources.follower.state.by_id.get(plan.workload_id),
            sources.observer.detailed(sources.observer.latest.groups.get(plan.workload_id, ())),
            sources.failures.quarantine_of(plan.workload_id, plan.target),
        )

    def _status(self, basis: _Basis, phase: Phase, reason: Reason, message: str) -> WorkloadStatus:
        plan, workload, containers, entry = basis
        newest = containers[-1] if containers else None
        status = WorkloadStatus(
            name=plan.workload,
            id=plan.workload_id,
            phase=phase,
            reason=reason,
            message=message,
            since="",
            revision=newest.revision if newest else None,
            fingerprint=newest.fingerprint if newest else None,
            until=timestamp(plan.until) if plan.until is not None else None,
            quarantine=f"{entry.reason}: {entry.message} (since {entry.since})" if entry else None,
            plan=tuple(step.text for step in plan.steps),
            containers=tuple(_container(one) for one in containers),
        )
        return self._described(status, workload) if workload is not None else status

    def _described(self, status: WorkloadStatus, workload: Workload) -> WorkloadStatus:
        return dataclasses.replace(
            status,
            source=workload.source.kind,
            image=self._sources.kinds[workload.source.kind].summary(workload).get("image"),
            depends_on=workload.depends_on,
            path=workload.position.path,
        )


def _container(observed: ObservedContainer) -> ContainerStatus:
    detail = observed.detail
    return ContainerStatus(
        id=observed.id[:12],
        name=observed.name,
        role=str(observed.role),
        state=observed.state,
        health=observed.health,
        image=observed.image,
        digest=detail.image_digest if detail else None,
        exit_code=observed.exit_code,
        started_at=(detail.started_at or None) if detail else None,
    )
