"""Cron expressions as crontab(5) and cron(8) mean them.

Where days of the month and days of the week are both restricted, either will do; a field that begins with `*` restricts
nothing. Times that the clock skips when it is put forward come at the moment it jumps; times that it repeats come once.
Where minute or hour begins with `*`, the clock is simply followed: skipped times do not come, repeated ones twice.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from agent.core.values import InvalidValue, quoted

if TYPE_CHECKING:
    from agent.core.cron_trigger import CronTrigger

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
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
YEARS = 41
"""Nothing recurs more seldom than 29 February on a certain day of the week, which can be forty years away."""

_PART = re.compile(
    r"(?:\*|(?P<first>[0-9]{1,2}|[a-z]{3})(?:-(?P<last>[0-9]{1,2}|[a-z]{3}))?)(?:/(?P<step>[0-9]{1,2}))?"
)
_SECOND = timedelta(seconds=1)
_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Field:
    """What one of the five fields may hold; `names` stand for the numbers from `least` on."""

    title: str
    least: int
    most: int
    names: tuple[str, ...] = ()


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of month", 1, 31),
    _Field("month", 1, 12, MONTHS),
    _Field("day of week", 0, 6, DAYS),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cron:
    """An expression taken apart. `minutes` count from midnight. `either` is True where one of both days will do,
    `steady` where neither minute nor hour begins with `*`.
    """

    minutes: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either: bool
    steady: bool

    def includes(self, day: date) -> bool:
        """Whether there are ticks on a day."""
        if day.month not in self.months:
            return False
        of_month, of_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return (of_month or of_week) if self.either else (of_month and of_week)


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
def parse_cron(cron: str) -> Cron:
    """An expression; raises InvalidValue."""
    words = MACROS.get(cron.strip().lower(), cron).split()
    if len(words) != len(_FIELDS):
        raise InvalidValue(FORM, quoted(cron), fix="write for example `0 4 * * *` for every day at four")
    minutes, hours, days, months, weekdays = (
        _numbers(field, word.lower()) for field, word in zip(_FIELDS, words, strict=True)
    )
    free = [word.startswith("*") for word in words]
    return Cron(
        minutes=tuple(sorted(60 * hour + minute for hour in hours for minute in minutes)),
        days=days,
        months=months,
        weekdays=weekdays,
        either=not (free[2] or free[4]),
        steady=not (free[0] or free[1]),
    )


def _numbers(field: _Field, word: str) -> frozenset[int]:
    return frozenset(number for part in word.split(",") for number in _part(field, part))


def _part(field: _Field, part: str) -> Iterator[int]:
    """The numbers of `*`, `5`, `1-5`, `*/2`, `1-5/2` or `5/2`, which means from 5 on; a range may go over the end."""
    match = _PART.fullmatch(part)
    if match is None:
        raise _wrong(field, part, "a number, a range such as 1-5, or a step such as */2")
    step = int(match["step"] or 1)
    if not step:
        raise _wrong(field, part, "a step of 1 or more")
    first = field.least if match["first"] is None else _number(field, match["first"])
    last = _last(field, match, first)
    size = field.most - field.least + 1
    if last < first:
        last += size
    yield from ((number - field.least) % size + field.least for number in range(first, last + 1, step))


def _last(field: _Field, match: re.Match[str], first: int) -> int:
    if match["last"] is not None:
        return _number(field, match["last"])
    return first if match["first"] is not None and match["step"] is None else field.most


def _number(field: _Field, word: str) -> int:
    """A number or a name. Sunday is 0 and 7, of which the latter lies behind Saturday in a range."""
    if word in field.names:
        return field.names.index(word) + field.least
    number = int(word) if word.isdecimal() else -1
    if not field.least <= number <= field.most + (field.names is DAYS):
        names = f", or {field.names[0]} to {field.names[-1]}" if field.names else ""
        raise _wrong(field, word, f"{field.least} to {field.most + (field.names is DAYS)}{names}")
    return number


def _wrong(field: _Field, found: str, expected: str) -> InvalidValue:
    return InvalidValue(f"{expected} as {field.title}", quoted(found), fix="correct that field")


def next_tick(cron: str, timezone: str, after: float) -> float | None:
    """The first tick after a moment, both in epoch seconds; None where there is none any more. Raises InvalidValue."""
    parsed, place = parse_cron(cron), zone(timezone)
    day = datetime.fromtimestamp(after, tz=place).date() - _DAY  # what was skipped may come a day later
    for _ in range(YEARS * 366):
        if day.year == date.max.year:
            break
        found = _first(parsed, day, place, after)
        if found is not None:  # where the clock is put back at midnight, the day behind may come before
            return min(found, _first(parsed, day + _DAY, place, after) or found)
        day += _DAY
    return None


def _first(cron: Cron, day: date, place: tzinfo, after: float) -> float | None:
    """The first tick of a day that comes after a moment."""
    moments = _moments(cron, day, place) if cron.includes(day) else ()
    number = bisect_right(moments, after)
    return moments[number] if number < len(moments) else None


@lru_cache(maxsize=16)
def _moments(cron: Cron, day: date, place: tzinfo) -> Sequence[float]:
    """All ticks of a day, in order."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=place)
    if midnight.utcoffset() == (midnight + _DAY).replace(fold=1).utcoffset():
        start = midnight.timestamp()
        return [start + 60.0 * minute for minute in cron.minutes]
    written = (midnight + minute * _MINUTE for minute in cron.minutes)
    return sorted({moment for local in written for moment in _on_the_clock(local, steady=cron.steady)})


def _on_the_clock(local: datetime, *, steady: bool) -> Iterator[float]:
    """The moments at which a clock that is put forward or back that day shows this time."""
    if _skipped(local):
        if steady:
            yield _jump(local).timestamp()
        return
    yield local.timestamp()
    if not steady:
        yield local.replace(fold=1).timestamp()


def _skipped(local: datetime) -> bool:
    shown = local.astimezone(UTC).astimezone(local.tzinfo)
    return shown.replace(tzinfo=None) != local.replace(tzinfo=None)


def _jump(local: datetime) -> datetime:
    """When the clock is put forward past a time that it skips: between what both its offsets make of that time."""
    before, behind = local.replace(fold=1).astimezone(UTC), local.astimezone(UTC)
    offset = behind.astimezone(local.tzinfo).utcoffset()
    while behind - before > _SECOND:
        middle = before + (behind - before) // 2
        moved = middle.astimezone(local.tzinfo).utcoffset() == offset
        before, behind = (before, middle) if moved else (middle, behind)
    return behind.replace(microsecond=0)


@lru_cache(maxsize=1024)
def schedule(cron: str, timezone: str) -> CronTrigger:
    """The ticks as a scheduler wants them; raises InvalidValue."""
    from agent.core.cron_trigger import CronTrigger

    parse_cron(cron), zone(timezone)
    return CronTrigger(cron, timezone)
