"""Ticks for schedule triggers, by apscheduler; what was missed while the agent was away is made up for by one tick.

When each trigger ticked last is in the journal. A new trigger counts from when it was first seen.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockworkParts:
    """What ticking needs; `remember` and `recall` keep small values over restarts, `chance` gives 0 to 1."""

    judge: Judge
    intake: Intake
    clock: Clock
    remember: Callable[[str, str], object]
    recall: Callable[[str], str | None]
    chance: Callable[[], float]


class Clockwork:
    """`refresh` from any thread. The scheduler's thread begins with the first schedule."""

    def __init__(self, parts: ClockworkParts) -> None:
        self._parts = parts
        self._lock = threading.Lock()
        self._known: dict[str, WatchClock] = {}
        self._scheduler: Any = None
        self.ticks = 0

    def refresh(self) -> None:
        """The desired state has changed: add, change and remove schedules accordingly."""
        wanted = self._wanted()
        with self._lock:
            for trigger in [name for name in self._known if wanted.get(name) != self._known[name]]:
                self._scheduler.remove_job(trigger)
                del self._known[trigger]
            fresh = {name: watch for name, watch in wanted.items() if name not in self._known}
            for trigger, watch in fresh.items():
                self._add(trigger, watch)
            self._known |= fresh
        for trigger, watch in fresh.items():
            self._make_up(trigger, watch)

    def stop(self) -> None:
        """No tick after this."""
        with self._lock:
            if self._scheduler is not None:
                self._scheduler.shutdown(wait=False)
                self._scheduler = None
                self._known = {}

    def next_tick(self, trigger: str) -> float | None:
        """When a trigger ticks next, in epoch seconds, jitter left aside; None where it does not."""
        watch = self._known.get(trigger)
        return None if watch is None else next_tick(watch.cron, watch.timezone, self._parts.clock.now())

    def _wanted(self) -> Mapping[str, WatchClock]:
        """Schedules that somebody waits for."""
        desired: DesiredState | None = self._parts.judge.desired
        if desired is None:
            return {}
        return {
            name: watch
            for name, bounds in desired.bindings.items()
            if any(bound.enabled for bound in bounds)
            for watch in self._parts.judge.watches_of(desired.triggers[name])
            if isinstance(watch, WatchClock)
        }

    def _add(self, trigger: str, watch: WatchClock) -> None:
        if self._scheduler is None:
            from apscheduler.schedulers.background import BackgroundScheduler

            self._scheduler = BackgroundScheduler(timezone=UTC, daemon=True)
            self._scheduler.start()
        self._scheduler.add_job(
            self._due,
            schedule(watch.cron, watch.timezone),
            args=(trigger, watch),
            id=trigger,
            coalesce=True,
            misfire_grace_time=None,
            max_instances=1,
        )

    def _due(self, trigger: str, watch: WatchClock) -> None:
        """A time has come; with jitter the tick follows a little later."""
        delay = watch.jitter * self._parts.chance()
        if delay < 0.01 or self._scheduler is None:
            self.tick(trigger)
            return
        moment = datetime.now(tz=UTC) + timedelta(seconds=delay)
        self._scheduler.add_job(self.tick, "date", run_date=moment, args=(trigger,), misfire_grace_time=None)

    def _make_up(self, trigger: str, watch: WatchClock) -> None:
        """One tick for all that were missed since the last one."""
        try:
            known = self._parts.recall(f"{MEMORY}{trigger}")
            now = self._parts.clock.now()
            if known is None:
                self._parts.remember(f"{MEMORY}{trigger}", f"{now:.0f}")
                return
            due = next_tick(watch.cron, watch.timezone, float(known) + 1.0)
        except (PierheadError, ValueError) as error:
            logger.warning("when %s ticked last is not known: %s", trigger, error)
            return
        if due is not None and due <= now:
            self._due(trigger, watch)

    def tick(self, trigger: str) -> None:
        """Store the tick, and remember that it came."""
        try:
            self._parts.intake.store(trigger, [InboundEvent(type=TICK, subject=trigger)], {})
            self._parts.remember(f"{MEMORY}{trigger}", f"{self._parts.clock.now():.0f}")
            self.ticks += 1
        except PierheadError as error:
            logger.warning("the tick of %s is lost until it is made up for at the next start: %s", trigger, error)
