"""The decision of a pass: two snapshots, what is remembered and what was asked for become one plan. Nothing is changed.

`Parts` is what a pass works with; the other half, carrying a plan out, is `reconcile.py`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from agent.asked import Asked, AskedJournal
from agent.chronicle import Chronicle
from agent.core.kinds import Situation, SourceKind
from agent.core.model import DesiredState, Workload
from agent.core.observed import ObservedContainer
from agent.core.plan import Plan
from agent.core.planning.absent import plan_invalid, plan_removal
from agent.core.reasons import Reason
from agent.engine.apply import Executor
from agent.failures import Failures
from agent.follower import Follower
from agent.memory import Memory
from agent.monitor import Monitor
from agent.observer import Observer, Snapshot
from agent.planner import Planner
from agent.ports import Clock, Engine, Secrets
from agent.records import Recordkeeper
from agent.run_book import RunJournal
from agent.runs import Job, Subject


class PassJournal(AskedJournal, RunJournal, Protocol):
    """What a pass reads and writes of the journal: what was asked for, and what became of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a pass works with; built once in wiring."""

    follower: Follower
    observer: Observer
    executor: Executor
    engine: Engine
    secrets: Secrets
    failures: Failures
    records: Recordkeeper
    chronicle: Chronicle
    kinds: Mapping[str, SourceKind]
    clock: Clock
    monitor: Monitor
    memory: Memory
    journal: PassJournal


class Decider:
    """Safe from several threads, never twice at once for one key."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._planner = Planner(parts.kinds)
        self.asked = Asked(parts.journal)

    def decide(self, workload_id: str, not_before: float) -> Plan | None:
        """The plan for one workload from the two snapshots alone; None when there is nothing to say about it."""
        desired = self._parts.follower.state.desired
        if desired is None:
            return None
        snapshot = self._parts.observer.settled(workload_id, not_before)
        observed = snapshot.groups.get(workload_id, ())
        workload = self._parts.follower.state.by_id.get(workload_id)
        if workload is None:
            return self._decide_absent(workload_id, desired, observed)
        situation = self._asked_for(self._situation(workload, desired, snapshot), workload_id, observed)
        plan = self._planner.plan(workload, self._parts.observer.detailed(observed), situation)
        if plan.target:
            self._parts.failures.lift(workload_id, keep=plan.target)
        return self._explain_hold(plan)

    def _decide_absent(
        self, workload_id: str, desired: DesiredState, observed: tuple[ObservedContainer, ...]
    ) -> Plan | None:
        if _unusable(workload_id, desired, observed):
            self.asked.unusable(workload_id)
            name = desired.invalid.get(workload_id)
            name = name or min((one.workload for one in observed), default=workload_id)
            return plan_invalid(name, workload_id, observed)
        if not observed:
            self._forget(workload_id)
            return None
        hold = self._parts.failures.held(workload_id)
        retry_at = None if hold is None else self._parts.clock.now() + self._parts.failures.remaining(hold)
        prune = self._parts.memory.prune(workload_id)
        return plan_removal(observed, complete=desired.complete, retry_at=retry_at, prune=prune)

    def _forget(self, workload_id: str) -> None:
        """Nothing is left of a workload."""
        self._parts.failures.lift(workload_id)
        self._planner.forget(workload_id)
        self._parts.memory.forget(workload_id)
        self._parts.monitor.follow(workload_id, ())
        self._parts.records.drop(workload_id)
        self.asked.gone(workload_id)

    def job(self, workload_id: str, desired: DesiredState, snapshot: Snapshot) -> Job:
        """What concerns the one-off containers of a workload now."""
        containers = snapshot.runs.get(workload_id, ())
        workload = self._parts.follower.state.by_id.get(workload_id)
        if workload is None:
            gone = desired.complete and not _unusable(workload_id, desired, containers)
            return Job(workload_id=workload_id, containers=containers, gone=gone)
        kind = self._parts.kinds[workload.source.kind]
        situation = self._situation(workload, desired, snapshot)
        return Job(
            workload_id=workload_id,
            containers=containers,
            subject=Subject(workload=workload, kind=kind, situation=situation),
        )

    def _situation(self, workload: Workload, desired: DesiredState, snapshot: Snapshot) -> Situation:
        parts = self._parts
        kind = parts.kinds[workload.source.kind]
        digests = {name: parts.secrets.digest(name) for name in kind.secret_names(workload)}
        hold = parts.failures.held(workload.id)
        blocked = hold if hold is not None and hold.everything else None
        return Situation(
            revision=desired.revision,
            settings=desired.settings,
            now=parts.clock.now(),
            secrets={name: digest for name, digest in digests.items() if digest is not None},
            registry_hosts={one.name: one.host for one in desired.registries.values()},
            quarantined=parts.failures.reasons(workload.id),
            waiting_for=parts.records.unready((*workload.depends_on, *kind.dependencies(workload))),
            network_owners=snapshot.owners,
            repairs=parts.failures.repairs(workload.id),
            retry_at=parts.clock.now() + parts.failures.remaining(blocked) if blocked else None,
            retry_reason=f"{blocked.reason}: {blocked.message}" if blocked else "",
            unhealthy=parts.monitor.unhealthy(),
            deployed=parts.memory.deployed(workload.id),
        )

    def _asked_for(self, situation: Situation, workload_id: str, observed: tuple[ObservedContainer, ...]) -> Situation:
        """The situation with what events asked for."""
        wishes = self.asked.wishes(workload_id, observed)
        if not (wishes.generation or wishes.restart):
            return situation
        return dataclasses.replace(
            situation,
            generation=wishes.generation,
            redeploy=wishes.redeploy_words,
            restart_at=wishes.restart_at,
            restart=wishes.restart_words,
        )

    def _explain_hold(self, plan: Plan) -> Plan:
        """A version that is only held, not quarantined, says when it is tried again."""
        hold = self._parts.failures.held(plan.workload_id)
        if hold is None or plan.reason is not Reason.QUARANTINED or hold.fingerprint != plan.target:
            return plan
        if self._parts.failures.quarantine_of(plan.workload_id, plan.target) is not None:
            return plan
        until = self._parts.clock.now() + self._parts.failures.remaining(hold)
        message = f"{hold.reason}: {hold.message}; attempt {hold.attempts} failed, trying again"
        return dataclasses.replace(plan, reason=Reason.BACKING_OFF, message=message, until=until)


def _unusable(workload_id: str, desired: DesiredState, containers: Iterable[ObservedContainer]) -> bool:
    """Whether there is a document of the workload that cannot be used, so that all of it is left as it is."""
    names = {one.workload for one in containers}
    return workload_id in desired.invalid or workload_id in desired.protected or bool(names & desired.protected)
