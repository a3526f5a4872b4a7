"""One-off containers: started when an event asks for one, followed by the engine's events, ended at their limit.

A run is a row in the journal and a container that bears its id; from either of them it goes on after a crash. No worker
waits for one: each look takes it one step further. What fails is told and not tried again: the next event asks anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from agent.chronicle import timestamp
from agent.core.kinds import Situation, SourceKind
from agent.core.model import RunSpec, Workload
from agent.core.observed import ObservedContainer
from agent.core.planning.decide import secret_names
from agent.core.planning.one_off import mark_of, run_name, same_job, settings_of, short_id
from agent.core.planning.removal import ALIVE
from agent.core.reasons import Reason
from agent.core.requests import Request
from agent.core.runs import LOST, RUNNING, SKIPPED, WAITING, Run
from agent.run_book import RunBook
from agent.runner import Runner, RunParts

NETWORK_INTERVAL = 5.0
"""Seconds after which a network that is to be joined is looked for again."""

GONE = "the workload is not in the configuration any more"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A workload as its runs see it."""

    workload: Workload
    kind: SourceKind
    situation: Situation


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What concerns the runs of one workload now. `containers` are its one-off ones.

    Without a `subject` the workload is `gone`, or its document cannot be used and new runs wait.
    """

    workload_id: str
    containers: tuple[ObservedContainer, ...]
    subject: Subject | None = None
    gone: bool = False


class Runs:
    """Safe from several threads as long as no two of them work on the same workload at once."""

    def __init__(self, parts: RunParts) -> None:
        self._parts = parts
        self._book = RunBook(parts.journal, parts.chronicle)
        self._runner = Runner(parts, self._book)

    def open(self, workload_id: str) -> tuple[Run, ...]:
        """The runs of a workload that are not over, oldest first."""
        return self._book.open(workload_id)

    def unfinished(self) -> frozenset[str]:
        """The ids of all workloads with a run that is not over, be they gone or not."""
        return self._book.unfinished()

    def look_after(self, job: Job, requests: Sequence[Request]) -> float | None:
        """Accept what is asked and take every run a step further; seconds until there is something to do again, None
        when only an event can matter. Raises Transient when the engine is away, which is no fault of a run.
        """
        for container in job.containers:
            self._recognise(container)
        if job.subject is not None or job.gone:
            for request in requests:
                self._accept(request, job)
        dues = [self._go_on(run, job) for run in self._book.open(job.workload_id)]
        return min((due for due in dues if due is not None), default=None)

    # What is there, and what is asked

    def _recognise(self, container: ObservedContainer) -> None:
        """Clear away what is over, and take over what no journal knows."""
        mark = mark_of(container)
        if not self._book.knows(container.workload_id, mark.run):
            run = Run(
                id=mark.run,
                workload_id=container.workload_id,
                workload=container.workload,
                trigger=mark.trigger,
                event=mark.event,
                state=RUNNING,
                requested=timestamp(container.created),
                started=timestamp(container.created),
            )
            self._book.save(run)
        over = all(run.id != mark.run for run in self._book.open(container.workload_id))
        if over and container.state not in (*ALIVE, "removing"):
            self._parts.engine.remove(container.id)

    def _accept(self, request: Request, job: Job) -> None:
        """Put it on record, then close the request: killed in between, it is known and only closed."""
        if not self._book.knows(job.workload_id, request.id):
            run = Run(
                id=request.id,
                workload_id=request.workload_id,
                workload=request.workload,
                trigger=request.trigger,
                event=request.event,
                state=WAITING,
                requested=request.time,
            )
            settings = _settings(run, job.subject)
            why = settings if isinstance(settings, str) else self._overlap(run, settings)
            if why:
                self._skip(run, job, why)
            else:
                self._book.save(run)
        self._parts.journal.close_request(request.id, "accepted as a run")

    def _overlap(self, run: Run, settings: RunSpec) -> str:
        """Which earlier run is in the way; empty where none is."""
        earlier = next((one for one in self._book.open(run.workload_id) if same_job(one, run)), None)
        if earlier is None or settings.overlap:
            return ""
        return f"run {short_id(earlier.id)} is not over yet; `overlap: true` would allow both"

    def _skip(self, run: Run, job: Job, why: str) -> None:
        settings = settings_of(job.subject.workload, run) if job.subject is not None else None
        run = replace(run, state=SKIPPED, finished=self._now(), message=f"skipped: {why}")
        self._book.close(run, Reason.RUN_SKIPPED, (settings or RunSpec()).keep)

    # One step further

    def _go_on(self, run: Run, job: Job) -> float | None:
        container = self._container(run, job)
        if container is not None:
            return self._runner.follow(run, container)
        if run.state == WAITING:
            return self._begin(run, job)
        self._lose(run)
        return None

    def _container(self, run: Run, job: Job) -> ObservedContainer | None:
        """The container of a run; a snapshot may be older than a container that is on record."""
        found = next((one for one in job.containers if mark_of(one).run == run.id), None)
        if found is None and run.state == RUNNING:
            return self._parts.engine.exists(run_name(run.workload, run.id))
        return found

    def _begin(self, run: Run, job: Job) -> float | None:
        """Make the container and start it, unless something is still to be waited for."""
        subject = job.subject
        if subject is None and not job.gone:
            return None
        settings = _settings(run, subject)
        if subject is None or isinstance(settings, str):
            self._skip(run, job, str(settings))
            return None
        if subject.situation.waiting_for:
            return None  # whatever it depends on asks for a look when it is ready
        return self._make(run, settings, subject)

    def _make(self, run: Run, settings: RunSpec, subject: Subject) -> float | None:
        situation = subject.situation
        spec = subject.kind.run_spec(subject.workload, settings, situation.settings, situation.registry_hosts)
        if spec is None:
            why = f"a workload of kind `{subject.kind.name}` has no one-off containers"
            return self._runner.fail(run, why, settings.keep)
        if spec.network_of is not None and spec.network_of not in situation.network_owners:
            return NETWORK_INTERVAL
        missing = sorted(secret_names(spec) - set(situation.secrets))
        if missing:
            names = ", ".join(f"`{name}`" for name in missing)
            return self._runner.fail(run, f"{Reason.SECRET_MISSING}: {names} not found by any provider", settings.keep)
        return self._runner.make(run, spec, settings, situation)

    def _lose(self, run: Run) -> None:
        message = "its container is gone, so nobody knows how it ended"
        run = replace(run, state=LOST, finished=self._now(), message=message)
        self._book.close(run, Reason.RUN_FAILED, RunSpec().keep)

    def _now(self) -> str:
        return timestamp(self._parts.clock.now())


def _settings(run: Run, subject: Subject | None) -> RunSpec | str:
    """The settings of a run, or why it must not be."""
    if subject is None:
        return GONE
    if subject.workload.suspend:
        return "the workload is suspended (`suspend: true`)"
    settings = settings_of(subject.workload, run)
    return settings or f"no binding with `action: run` joins trigger {run.trigger} to this workload any more"
