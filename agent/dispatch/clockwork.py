"""Ticks for schedule triggers, by apscheduler; what was missed while the agent was away is made up for by one tick.

When each schedule ticked last, and by which rule, is in the journal. A new or changed schedule counts from when it was
first seen, so that no time is made up for that passed before anybody had asked for it.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from agent.core.cron import next_tick, schedule
from agent.core.inbound import TICK, InboundEvent
from agent.core.model import DesiredState
from agent.core.triggers import WatchClock
from agent.dispatch.intake import Intake
from agent.dispatch.judging import Judge
from agent.errors import PierheadError
from agent.ports import Clock

logger = logging.getLogger(__name__)

MEMORY = "tick:"
FORGET_TELLING = 7 * 86_400.0
TRY_AGAIN = 60.0
SHORTEST_JITTER = 0.01
CLOCK_TOLERANCE = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockworkParts:
    """What ticking needs; `remember` and `recall` keep small values over restarts, `chance` gives 0 to 1."""

    judge: Judge
    intake: Intake
    clock: Clock
    remember: Callable[[str, str], object]
    recall: Callable[[str], str | None]
    chance: Callable[[], float]


@dataclass(frozen=True, slots=True)
class Job:
    """What ticks together: a trigger, or one workload's binding to it where that says other times."""

    trigger: str
    workload: str | None
    watch: WatchClock

    @property
    def rule(self) -> str:
        return f"{self.watch.cron} {self.watch.timezone}"


class Clockwork:
    """`refresh` from any thread. The scheduler's thread begins with the first schedule."""

    def __init__(self, parts: ClockworkParts) -> None:
        self._parts = parts
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}
        self._scheduler: Any = None
        self._ended = False
        self._ticked: dict[str, float] = {}
        self._offset = self._clock_offset()
        self.ticks = 0

    def refresh(self) -> None:
        """The desired state has changed: add, change and remove schedules accordingly."""
        with self._lock:
            if self._ended:
                return
            wanted = self._wanted()
            gone = [name for name, job in self._jobs.items() if wanted.get(name) != job]
            for name in gone:
                self._remove(name)
            fresh = {name: job for name, job in wanted.items() if name not in self._jobs}
            for name, job in fresh.items():
                self._add(name, job)
            self._jobs |= fresh
        for name in gone:
            if name not in fresh:
                self._keep(name, {})
        for name, job in fresh.items():
            self._make_up(name, job)

    def stop(self) -> None:
        """No tick after this."""
        with self._lock:
            self._ended = True
            scheduler, self._scheduler, self._jobs = self._scheduler, None, {}
        if scheduler is not None:
            scheduler.shutdown(wait=False)

    def check_clock(self) -> None:
        """Called every second: somebody who sets the clock brings times nearer than the scheduler knows."""
        offset, scheduler = self._clock_offset(), self._scheduler
        if abs(offset - self._offset) > CLOCK_TOLERANCE:
            self._offset = offset
            if scheduler is not None:
                scheduler.wakeup()

    def _clock_offset(self) -> float:
        return self._parts.clock.now() - self._parts.clock.monotonic()

    def next_tick(self, trigger: str, workload: str | None = None) -> float | None:
        """When a trigger ticks next, for one workload or for any, in epoch seconds; jitter left aside."""
        now = self._parts.clock.now()
        times = [
            next_tick(job.watch.cron, job.watch.timezone, now)
            for job in list(self._jobs.values())
            if job.trigger == trigger and (workload is None or job.workload in (None, workload))
        ]
        return min((moment for moment in times if moment is not None), default=None)

    def _wanted(self) -> Mapping[str, Job]:
        """Schedules that somebody waits for."""
        desired: DesiredState | None = self._parts.judge.desired
        found: dict[str, Job] = {}
        for trigger in desired.bindings if desired is not None else ():
            assert desired is not None
            pairs = [
                (bound, watch)
                for bound in desired.bindings[trigger]
                if bound.enabled
                for watch in self._parts.judge.watches(bound, desired)
                if isinstance(watch, WatchClock)
            ]
            if len({watch for _, watch in pairs}) == 1:
                found[trigger] = Job(trigger, None, pairs[0][1])
            else:
                found |= {
                    f"{trigger}/{bound.workload}/{bound.number}": Job(trigger, bound.workload, watch)
                    for bound, watch in pairs
                }
        return found

    def _add(self, name: str, job: Job) -> None:
        if self._scheduler is None:
            from apscheduler.schedulers.background import BackgroundScheduler

            self._scheduler = BackgroundScheduler(timezone=UTC, daemon=True)
            self._scheduler.start()
        self._scheduler.add_job(
            self.due,
            schedule(job.watch.cron, job.watch.timezone),
            args=(name, job),
            id=name,
            coalesce=True,
            misfire_grace_time=None,
            max_instances=1,
        )

    def _remove(self, name: str) -> None:
        from apscheduler.jobstores.base import JobLookupError

        del self._jobs[name]
        self._ticked.pop(name, None)
        with suppress(JobLookupError):  # one that never comes again has gone by itself
            self._scheduler.remove_job(name)

    def due(self, name: str, job: Job) -> None:
        """A time has come; with jitter the tick follows a little later."""
        delay, scheduler = job.watch.jitter * self._parts.chance(), self._scheduler
        if delay < SHORTEST_JITTER or scheduler is None:
            self.tick(name, job)
            return
        moment = datetime.now(tz=UTC) + timedelta(seconds=delay)
        scheduler.add_job(self.tick, "date", run_date=moment, args=(name, job), misfire_grace_time=None)

    def _make_up(self, name: str, job: Job) -> None:
        """One tick for all that were missed since the last one."""
        try:
            last = self._last(name, job)
        except PierheadError as error:
            logger.warning("when %s ticked last is not known: %s", name, error)
            return
        now = self._parts.clock.now()
        if last is None:
            self._keep(name, {"at": now, "rule": job.rule})
            return
        missed = next_tick(job.watch.cron, job.watch.timezone, last)
        if missed is not None and missed <= now:
            self.due(name, job)

    def tick(self, name: str, job: Job) -> None:
        """Store the tick, and remember that it came. The same time is stored once, also when killed in between."""
        try:
            now = self._parts.clock.now()
            last = self._last(name, job)
            moment = None if last is None else next_tick(job.watch.cron, job.watch.timezone, last)
            key = f"tick:{name}:{job.rule}:{now if moment is None else moment:.0f}"
            event = InboundEvent(type=TICK, subject=job.trigger)
            self._parts.intake.store(job.trigger, [event], {key: FORGET_TELLING}, workload=job.workload)
            self.ticks += 1
            self._ticked[name] = now
            self._keep(name, {"at": now, "rule": job.rule})
        except PierheadError as error:
            logger.warning("the tick of %s comes later: %s", name, error)
            self._again(name, job)

    def _again(self, name: str, job: Job) -> None:
        """The journal cannot be written now: what is due is made up for once it can."""
        scheduler = self._scheduler
        if scheduler is not None:
            moment = datetime.now(tz=UTC) + timedelta(seconds=TRY_AGAIN)
            scheduler.add_job(
                self.tick,
                "date",
                run_date=moment,
                args=(name, job),
                id=f"{name} again",
                replace_existing=True,
                misfire_grace_time=None,
            )

    def _last(self, name: str, job: Job) -> float | None:
        """When it ticked last, or was first seen, by the same rule."""
        if name in self._ticked:
            return self._ticked[name]
        try:
            record = json.loads(self._parts.recall(f"{MEMORY}{name}") or "{}")
            return float(record["at"]) if record.get("rule") == job.rule else None
        except (ValueError, TypeError, KeyError, AttributeError):
            return None

    def _keep(self, name: str, record: Mapping[str, object]) -> None:
        try:
            self._parts.remember(f"{MEMORY}{name}", json.dumps(record))
        except PierheadError as error:
            logger.warning("when %s ticked last cannot be kept: %s", name, error)
