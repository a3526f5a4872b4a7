"""The container of a run: made, started, followed and ended, each by one call that can be repeated after a crash.

On record as running before it is started, so that it is never made again; told and on record as ended before it is
removed, so that its end is never lost.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from agent.chronicle import Chronicle, timestamp
from agent.core.container import ContainerSpec
from agent.core.kinds import Situation
from agent.core.model import RunSpec
from agent.core.moments import epoch
from agent.core.observed import ContainerDetail, ObservedContainer
from agent.core.plan import Plan
from agent.core.planning.one_off import RunMark, end_of, making, mark_of, starting
from agent.core.planning.removal import ALIVE
from agent.core.reasons import Reason
from agent.core.runs import FAILED, RUNNING, SUCCEEDED, Run
from agent.engine.apply import Applied, ApplyContext, Executor, Failed, Interrupted
from agent.engine.gate import KILLED
from agent.errors import PierheadError, Transient
from agent.ports import Clock, Engine, Secrets
from agent.run_book import RunBook, RunJournal

LAST_LINES = 50
SOON = 0.5
OVER_TIME = "its time is up"
NOT_THE_RUNS_FAULT = (Reason.ENGINE_UNREACHABLE, Reason.ENGINE_FORBIDDEN, Reason.ENGINE_LOCKED)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunParts:
    """What runs need."""

    engine: Engine
    executor: Executor
    secrets: Secrets
    journal: RunJournal
    chronicle: Chronicle
    clock: Clock
    stopping: Callable[[], bool]


class Runner:
    """Each method takes a run one step further; it returns seconds until there is something to do again, None when only
    an event can matter, and raises Transient when the engine is away, which is no fault of the run.
    """

    def __init__(self, parts: RunParts, book: RunBook) -> None:
        self._parts = parts
        self._book = book
        self._killed: set[str] = set()

    def make(self, run: Run, spec: ContainerSpec, settings: RunSpec, situation: Situation) -> float | None:
        """Make the container of a run that has none, and start it."""
        mark = RunMark(
            run=run.id,
            timeout=settings.timeout,
            grace=spec.stop_timeout,
            keep=settings.keep,
            trigger=run.trigger,
            event=run.event,
        )
        made = self._apply(making(run, spec, mark, situation))
        match made:
            case Applied(created=(container_id,)):
                return self._start(run, container_id, mark)
            case Failed():
                return self.fail(run, _words(made), settings.keep)
            case _:
                return None

    def _start(self, run: Run, container_id: str, mark: RunMark) -> float | None:
        """On record as running before it does: from here on it is never made again."""
        run = replace(run, state=RUNNING, started=self._now())
        self._book.save(run)
        started = self._apply(starting(run, container_id))
        match started:
            case Applied():
                self._book.started(run)
                return mark.timeout
            case Failed():
                return self.fail(run, _words(started), mark.keep)
            case _:
                return None

    def _apply(self, plan: Plan) -> Applied | Failed | Interrupted:
        context = ApplyContext(superseded=lambda: False, stopping=self._parts.stopping, progress=lambda _: None)
        outcome = self._parts.executor.apply(plan, context)
        match outcome:
            case Failed(reason=reason) if reason in NOT_THE_RUNS_FAULT:
                raise Transient(reason, outcome.message, advice=outcome.advice)
            case Applied() | Failed():
                return outcome
            case _:
                return Interrupted(step=outcome.step)

    def follow(self, run: Run, container: ObservedContainer) -> float | None:
        """Look after the container of a run, whatever state it is in."""
        mark = mark_of(container)
        if container.state == "created":
            return self._start(run, container.id, mark)
        self._book.started(run)
        if container.state in ALIVE:
            detail = self._inspect(container)  # anew: one that was kept may be from before its start
            started = epoch(detail.started_at) if detail is not None else self._parts.clock.now()
            left = started + mark.timeout - self._parts.clock.now()
            if left > 0:
                return left
            run = replace(run, message=OVER_TIME)
            self._book.save(run)  # so that whoever finds it ended knows why
            self._parts.engine.stop(container.id, mark.grace)
        return self._settle(run, container, mark)

    def _settle(self, run: Run, container: ObservedContainer, mark: RunMark) -> float | None:
        detail = self._inspect(container)
        if detail is None or detail.exit_code is None:
            return SOON
        over_time = run.message == OVER_TIME
        if detail.exit_code == KILLED and not (over_time or detail.oom_killed or run.id in self._killed):
            self._killed.add(run.id)  # the engine may tell only a moment later that memory was the reason
            return SOON
        end = end_of(detail, mark, over_time=over_time)
        ended = replace(
            run,
            state=end.state,
            started=timestamp(epoch(detail.started_at)),
            finished=timestamp(epoch(detail.finished_at)),
            exit_code=detail.exit_code,
            lines=self._last_lines(container),
            message=end.message,
        )
        self._book.close(ended, Reason.RUN_SUCCEEDED if end.state == SUCCEEDED else Reason.RUN_FAILED, mark.keep)
        self._killed.discard(run.id)
        self._parts.engine.remove(container.id)
        return None

    def _last_lines(self, container: ObservedContainer) -> tuple[str, ...]:
        try:
            lines = self._parts.engine.logs(container.id, LAST_LINES)
        except PierheadError as error:
            return (f"(its log cannot be read: {error.message})",)
        return tuple(self._parts.secrets.redact(line) for line in lines)

    def _inspect(self, container: ObservedContainer) -> ContainerDetail | None:
        """None when it is gone, which the next look tells."""
        try:
            return self._parts.engine.inspect(container.id)
        except Transient as error:
            if error.reason in NOT_THE_RUNS_FAULT:
                raise
            return None

    def fail(self, run: Run, why: str, keep: int) -> float:
        """Nothing of it runs; the next look clears away what is there already."""
        run = replace(run, state=FAILED, finished=self._now(), message=f"it could not be started: {why}")
        self._book.close(run, Reason.RUN_FAILED, keep)
        return SOON

    def _now(self) -> str:
        return timestamp(self._parts.clock.now())


def _words(failed: Failed) -> str:
    advice = f"; {failed.advice}" if failed.advice else ""
    return f"{failed.step.action.text}: {failed.message}{advice}"
