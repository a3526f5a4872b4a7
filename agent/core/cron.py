"""Cron expressions as crontab(5) means them, carried out by apscheduler's triggers.

Two things differ between the two and are put right here: days of the week are counted from Sunday, and where both days
of the month and days of the week are restricted, either will do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from agent.core.values import InvalidValue, quoted

MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
FORM = "five fields: minute, hour, day of month, month, day of week, or @hourly, @daily, @weekly, @monthly, @yearly"
DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_STEP = re.compile(r"^(?P<first>[^-/]+)(?:-(?P<last>[^-/]+))?(?:/(?P<step>[0-9]+))?$")


@lru_cache(maxsize=1024)
def zone(name: str) -> tzinfo:
    """The time zone of an IANA name; raises InvalidValue."""
    if name.upper() == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidValue(
            "an IANA time zone such as Europe/Berlin", quoted(name), fix="write UTC, or a name from the IANA list"
        ) from None


@lru_cache(maxsize=1024)
def schedule(cron: str, timezone: str) -> Any:
    """An apscheduler trigger for the expression; raises InvalidValue."""
    from apscheduler.triggers.combining import OrTrigger
    from apscheduler.triggers.cron import CronTrigger

    words = MACROS.get(cron.strip().lower(), cron).split()
    if len(words) != 5:
        raise InvalidValue(FORM, quoted(cron), fix="write for example `0 4 * * *` for every day at four")
    minute, hour, day, month, weekday = words
    base = {"minute": minute, "hour": hour, "month": month.lower(), "timezone": zone(timezone)}
    try:
        days = _weekdays(weekday)
        if day != "*" and days != "*":
            choices = [CronTrigger(day=day, **base), CronTrigger(day_of_week=days, **base)]
            return OrTrigger(choices)
        return CronTrigger(day=day, day_of_week=days, **base)
    except (ValueError, TypeError) as error:
        raise InvalidValue(FORM, f"{quoted(cron)} ({error})", fix="correct that field") from None


def next_tick(cron: str, timezone: str, after: float) -> float | None:
    """The first tick after a moment, both in epoch seconds; None where there is none any more."""
    trigger = schedule(cron, timezone)
    moment = datetime.fromtimestamp(after, tz=zone(timezone))
    found = trigger.get_next_fire_time(moment, moment)
    return None if found is None else float(found.timestamp())


def _weekdays(field: str) -> str:
    """Days of the week by name, as a list; `*` stays."""
    if field in {"*", "?"}:
        return "*"
    return ",".join(dict.fromkeys(day for part in field.lower().split(",") for day in _days(part)))


def _days(part: str) -> Iterator[str]:
    match = _STEP.match(part.replace("*", "0-6", 1) if part.startswith("*") else part)
    if match is None:
        raise ValueError(f"day of week {part!r} is none")
    first = _day(match["first"])
    last = _day(match["last"]) if match["last"] else (6 if match["step"] else first)
    if last < first:
        last += 7  # from Friday to Monday
    step = int(match["step"] or 1)
    if not step:
        raise ValueError("a step of 0 leads nowhere")
    yield from (DAYS[number % 7] for number in range(first, last + 1, step))


def _day(word: str) -> int:
    """0 to 7, or the first letters of a name; 7 is Sunday too, but as the end of a range it stays behind Saturday."""
    if word.isdecimal() and int(word) <= 7:
        return int(word)
    if word[:3] in DAYS:
        return DAYS.index(word[:3])
    raise ValueError(f"day of week {word!r} is none")
