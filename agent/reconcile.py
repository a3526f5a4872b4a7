"""One pass over one workload, readable as a list of calls: look, decide, apply, settle, and look again until at rest.

A pass writes exactly one record of what was decided and why, also when there was nothing to do.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from agent.chronicle import Chronicle, Note, timestamp
from agent.core.actions import AwaitHealthy
from agent.core.kinds import Situation, SourceKind
from agent.core.model import DesiredState, Workload
from agent.core.observed import ObservedContainer
from agent.core.plan import Plan, Step
from agent.core.planning.absent import plan_invalid, plan_removal
from agent.core.reasons import Phase, Reason
from agent.engine.apply import Applied, ApplyContext, Executor, Failed, Interrupted, Outcome, Superseded
from agent.errors import Transient
from agent.failures import Failures
from agent.follower import Follower, same
from agent.memory import Memory
from agent.monitor import Monitor, Target
from agent.observer import Observer, Snapshot
from agent.planner import Planner
from agent.ports import Clock, Secrets
from agent.records import Recordkeeper

ROUNDS = 6
ENGINE_AWAY = (Reason.ENGINE_UNREACHABLE, Reason.ENGINE_FORBIDDEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a pass works with; built once in wiring."""

    follower: Follower
    observer: Observer
    executor: Executor
    secrets: Secrets
    failures: Failures
    records: Recordkeeper
    chronicle: Chronicle
    kinds: Mapping[str, SourceKind]
    clock: Clock
    monitor: Monitor
    memory: Memory


class Reconciler:
    """`reconcile` may run in several threads at once, never twice for one key (the queue sees to that)."""

    def __init__(self, parts: Parts, stopping: Callable[[], bool]) -> None:
        self._parts = parts
        self._stopping = stopping
        self._planner = Planner(parts.kinds)

    def reconcile(self, workload_id: str, requested: float) -> float | None:
        """Bring one workload to rest; returns seconds after which to look again, None when only an event can matter.

        `requested` is the monotonic time of the newest request: what is observed must not be older.
        """
        not_before = requested
        for _ in range(ROUNDS):
            superseded = self._superseded(workload_id)
            plan = self.decide(workload_id, not_before)
            if plan is None or plan.empty or self._stopping():
                return None if superseded() else self._rest(plan)
            outcome = self._apply(plan, superseded)
            if isinstance(outcome, Interrupted):
                return None
            self._settle(plan, outcome)
            not_before = self._parts.clock.monotonic()
        return 1.0

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
        kind = self._parts.kinds[workload.source.kind]
        situation = self._situation(workload, kind, desired, snapshot)
        plan = self._planner.plan(workload, self._parts.observer.detailed(observed), situation)
        if plan.target:
            self._parts.failures.lift(workload_id, keep=plan.target)
        return self._explain_hold(plan)

    def _decide_absent(
        self, workload_id: str, desired: DesiredState, observed: tuple[ObservedContainer, ...]
    ) -> Plan | None:
        name = desired.invalid.get(workload_id)
        names = {one.workload for one in observed}
        if name is not None or workload_id in desired.protected or names & desired.protected:
            return plan_invalid(name or min(names, default=workload_id), workload_id, observed)
        if not observed:
            self._parts.failures.lift(workload_id)
            self._planner.forget(workload_id)
            self._parts.memory.forget(workload_id)
            self._parts.monitor.follow(workload_id, ())
            self._parts.records.drop(workload_id)
            return None
        hold = self._parts.failures.held(workload_id)
        retry_at = None if hold is None else self._parts.clock.now() + self._parts.failures.remaining(hold)
        prune = self._parts.memory.prune(workload_id)
        return plan_removal(observed, complete=desired.complete, retry_at=retry_at, prune=prune)

    def _situation(self, workload: Workload, kind: SourceKind, desired: DesiredState, snapshot: Snapshot) -> Situation:
        parts = self._parts
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

    def _rest(self, plan: Plan | None) -> float | None:
        if plan is None or not plan.empty:
            return None
        self._parts.records.record(plan)
        self._watch(plan.workload_id)
        self._remember(plan)
        if plan.until is None:
            return None
        return max(0.1, plan.until - self._parts.clock.now())

    def _remember(self, plan: Plan) -> None:
        """What the next pass, perhaps of another process, cannot see in git or at the engine."""
        workload = self._parts.follower.state.by_id.get(plan.workload_id)
        if workload is None:
            return
        complete = plan.phase is Phase.SYNCED and plan.target
        self._parts.memory.keep(workload.id, prune=workload.prune, deployed=plan.target if complete else None)

    def _watch(self, workload_id: str) -> None:
        """Keep asking the containers that serve now."""
        parts = self._parts
        workload = parts.follower.state.by_id.get(workload_id)
        check = parts.kinds[workload.source.kind].probe(workload) if workload is not None else None
        containers = parts.observer.latest.groups.get(workload_id, ()) if check is not None else ()
        targets = [
            Target(workload_id=workload_id, container_id=one.id, address=address, healthcheck=check)
            for one in containers
            if check is not None and one.running and (address := parts.observer.latest.address(one))
        ]
        parts.monitor.follow(workload_id, targets)

    def _apply(self, plan: Plan, superseded: Callable[[], bool]) -> Outcome:
        parts = self._parts
        if plan.reason is Reason.REPAIRING:
            parts.failures.repaired(plan.workload_id)
        parts.records.begin(plan)
        context = ApplyContext(
            superseded=superseded,
            stopping=self._stopping,
            progress=lambda step: self._progress(plan, step),
        )
        try:
            return parts.executor.apply(plan, context)
        finally:
            for container in parts.observer.latest.groups.get(plan.workload_id, ()):
                parts.observer.forget(container.id)

    def _progress(self, plan: Plan, step: Step) -> None:
        self._parts.records.progress(plan, step)

    def _superseded(self, workload_id: str) -> Callable[[], bool]:
        """A newer commit that changes this workload overtakes; one that does not, does not.

        It has enqueued the workload once more, so whoever is overtaken need not ask for another pass.
        """
        begun = self._parts.follower.state
        before = begun.by_id.get(workload_id)

        def superseded() -> bool:
            state = self._parts.follower.state
            if state.generation == begun.generation:
                return False
            return not same(before, state.by_id.get(workload_id))

        return superseded

    def _settle(self, plan: Plan, outcome: Outcome) -> None:
        match outcome:
            case Applied():
                deployed = plan.target if plan.reason is Reason.DEPLOYING else ""
                self._parts.failures.succeeded(plan.workload_id, deployed)
                if any(isinstance(step.action, AwaitHealthy) for step in plan.steps):
                    self._parts.monitor.follow(plan.workload_id, ())  # what was found before the gate is out of date
                self._parts.records.applied(plan, outcome)
            case Failed(reason=reason) if reason in ENGINE_AWAY:
                raise Transient(reason, outcome.message, advice=outcome.advice)
            case Failed():
                self._failed(plan, outcome)
            case Superseded():
                note = Note(
                    reason=Reason.SUPERSEDED,
                    message="a newer commit changes this workload; the deploy in progress makes way",
                    workload=plan.workload,
                )
                self._parts.chronicle.write(note)
            case Interrupted():
                pass

    def _failed(self, plan: Plan, failed: Failed) -> None:
        """Quarantine what only a commit can mend; hold the rest, and show both with the last lines of the log."""
        deploying = plan.reason is Reason.DEPLOYING and bool(plan.target)
        if failed.permanent and deploying:
            try:
                self._quarantine(plan, failed)
            finally:
                self._parts.records.failed(plan, failed, None)
            return
        why = (str(failed.reason), f"{failed.step.action.text}: {failed.message}")
        hold = self._parts.failures.hold(
            plan.workload_id, plan.target, why, retry_after=failed.retry_after, everything=not deploying
        )
        until = timestamp(self._parts.clock.now() + self._parts.failures.remaining(hold))
        self._parts.records.failed(plan, failed, until)

    def _quarantine(self, plan: Plan, failed: Failed) -> None:
        desired = self._parts.follower.state.desired
        why = (str(failed.reason), failed.message)
        self._parts.failures.quarantine(plan.workload_id, plan.target, desired.revision if desired else "", why)
