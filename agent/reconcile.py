"""One pass over one workload, readable as a list of calls: look, decide, apply, settle, and look again until at rest.

A pass writes exactly one record of what was decided and why, also when there was nothing to do. One-off containers are
looked after first; they neither wait for the workload nor hold it up.
"""

from __future__ import annotations

from collections.abc import Callable

from agent.chronicle import Note, timestamp
from agent.core.actions import AwaitHealthy
from agent.core.plan import Plan, Step
from agent.core.reasons import Phase, Reason
from agent.core.requests import RUN
from agent.deciding import Decider, Parts
from agent.engine.apply import Applied, ApplyContext, Failed, Interrupted, Outcome, Superseded
from agent.errors import Transient
from agent.follower import same
from agent.monitor import Target
from agent.runner import RunParts
from agent.runs import Runs

__all__ = ["Parts", "Reconciler"]

ROUNDS = 6
ENGINE_AWAY = (Reason.ENGINE_UNREACHABLE, Reason.ENGINE_FORBIDDEN)


class Reconciler:
    """`reconcile` may run in several threads at once, never twice for one key (the queue sees to that)."""

    def __init__(self, parts: Parts, stopping: Callable[[], bool]) -> None:
        self._parts = parts
        self._stopping = stopping
        self._decider = Decider(parts)
        self._asked = self._decider.asked
        self._runs = Runs(
            RunParts(
                engine=parts.engine,
                executor=parts.executor,
                secrets=parts.secrets,
                journal=parts.journal,
                chronicle=parts.chronicle,
                clock=parts.clock,
                stopping=stopping,
            )
        )

    def reconcile(self, workload_id: str, requested: float) -> float | None:
        """Bring one workload to rest; returns seconds after which to look again, None when only an event can matter.

        `requested` is the monotonic time of the newest request: what is observed must not be older.
        """
        due = self._look_after_runs(workload_id, requested)
        again = self._bring_to_rest(workload_id, requested)
        return min((seconds for seconds in (due, again) if seconds is not None), default=None)

    def _bring_to_rest(self, workload_id: str, requested: float) -> float | None:
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
        return self._decider.decide(workload_id, not_before)

    def unfinished(self) -> frozenset[str]:
        """The ids of workloads of which something was asked that is not done, be they gone or not."""
        return self._runs.unfinished() | {one.workload_id for one in self._parts.journal.requests()}

    def _look_after_runs(self, workload_id: str, not_before: float) -> float | None:
        """Start, follow and end one-off containers; seconds until the next has to end, None when only an event can
        matter.
        """
        desired = self._parts.follower.state.desired
        if desired is None:
            return None
        requests = [one for one in self._asked.open(workload_id) if one.action == RUN]
        snapshot = self._parts.observer.settled(workload_id, not_before)
        if not (requests or workload_id in snapshot.runs or self._runs.open(workload_id)):
            return None
        return self._runs.look_after(self._decider.job(workload_id, desired, snapshot), requests)

    def _rest(self, plan: Plan | None) -> float | None:
        if plan is None or not plan.empty:
            return None
        self._parts.records.record(plan)
        self._watch(plan.workload_id)
        self._remember(plan)
        observer = self._parts.observer
        self._asked.rest(plan, observer.detailed(observer.latest.groups.get(plan.workload_id, ())))
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
        parts.records.begin(plan, self._asked.because(plan))
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
                self._parts.records.applied(plan, outcome, self._asked.because(plan))
                if plan.reason is Reason.RESTARTING:
                    self._asked.restarted(plan.workload_id)
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
                self._parts.records.failed(plan, failed, None, self._asked.because(plan))
            return
        why = (str(failed.reason), f"{failed.step.action.text}: {failed.message}")
        hold = self._parts.failures.hold(
            plan.workload_id, plan.target, why, retry_after=failed.retry_after, everything=not deploying
        )
        until = timestamp(self._parts.clock.now() + self._parts.failures.remaining(hold))
        self._parts.records.failed(plan, failed, until, self._asked.because(plan))

    def _quarantine(self, plan: Plan, failed: Failed) -> None:
        desired = self._parts.follower.state.desired
        why = (str(failed.reason), failed.message)
        self._parts.failures.quarantine(plan.workload_id, plan.target, desired.revision if desired else "", why)
