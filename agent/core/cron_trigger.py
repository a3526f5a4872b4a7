"""The ticks of a cron expression, offered to apscheduler, which waits for them."""

from __future__ import annotations

from datetime import UTC, datetime

from apscheduler.triggers.base import BaseTrigger

from agent.core.cron import next_tick


class CronTrigger(BaseTrigger):  # type: ignore[misc] # apscheduler has no types
    """Implements apscheduler's trigger for an expression and a time zone that are known to be right."""

    def __init__(self, cron: str, timezone: str) -> None:
        self._cron = cron
        self._timezone = timezone

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        """The tick after the previous one, or after now; a clock that was put back is believed."""
        after = now if previous_fire_time is None else min(previous_fire_time, now)
        moment = next_tick(self._cron, self._timezone, after.timestamp())
        return None if moment is None else datetime.fromtimestamp(moment, tz=UTC)
