"""The event log as a list that is filtered and paged, newest first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

from agent.core.eventlog import LEVELS, Event
from agent.web.views.text import Moment, clean, moment, one_line, short_commit

BATCH = 200
MAX_BATCHES = 10
"""A filter that hardly matches looks at this many batches for one page, then hands out where to go on."""

Fetch = Callable[[int, str | None], Sequence[Event]]
"""Gives up to so many events older than the event of that id."""


@dataclass(frozen=True, slots=True)
class Selected:
    """Events that matched, and the id to page on from, None at the end of the log."""

    events: tuple[Event, ...]
    next_before: str | None


def select(fetch: Fetch, limit: int, severity: str | None, before: str | None) -> Selected:
    """Up to `limit` events at least as severe as `severity`."""
    if severity is None:
        found = tuple(fetch(limit + 1, before))
        return Selected(found[:limit], found[limit - 1].id if len(found) > limit else None)
    wanted = frozenset(LEVELS[LEVELS.index(severity) :])
    matched: list[Event] = []
    for _ in range(MAX_BATCHES):
        batch = fetch(BATCH, before)
        for event in batch:
            before = event.id
            matched += [event] if event.severity in wanted else []
            if len(matched) == limit:
                return Selected(tuple(matched), before)
        if len(batch) < BATCH:
            return Selected(tuple(matched), None)
    return Selected(tuple(matched), before)


@dataclass(frozen=True, slots=True)
class EventRow:
    """One event in a list. `lines` are the log lines and plan steps that it carries."""

    id: str
    when: Moment | None
    severity: str
    source: str
    reason: str
    message: str
    workload: str
    revision: str
    plan: tuple[str, ...]
    logs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Day:
    """The events of one day in UTC."""

    date: str
    events: tuple[EventRow, ...]


@dataclass(frozen=True, slots=True)
class EventsPage:
    """All of the page; the filter as it was understood, and the next page's `before`."""

    days: tuple[Day, ...]
    workload: str
    severity: str
    workloads: tuple[str, ...]
    before: str
    next_before: str


@dataclass(frozen=True, slots=True)
class Filter:
    """What the reader asked for; None where nothing was."""

    workload: str | None = None
    severity: str | None = None
    before: str | None = None


def events_page(selected: Selected, asked: Filter, names: Sequence[str], now: float) -> EventsPage:
    """What the events page shows at `now` (epoch seconds)."""
    rows = [event_row(event, now) for event in selected.events]
    known = sorted({*names, asked.workload} if asked.workload else set(names))
    return EventsPage(
        days=tuple(Day(date, tuple(group)) for date, group in groupby(rows, key=_day)),
        workload=asked.workload or "",
        severity=asked.severity or "",
        workloads=tuple(known),
        before=asked.before or "",
        next_before=selected.next_before or "",
    )


def event_row(event: Event, now: float) -> EventRow:
    return EventRow(
        id=one_line(event.id, 128),
        when=moment(event.time, now),
        severity=event.severity if event.severity in LEVELS else "info",
        source=one_line(event.source, 80),
        reason=one_line(event.reason, 80),
        message=clean(event.message),
        workload=event.workload or "",
        revision=short_commit(event.revision),
        plan=_strings(event.data.get("plan")),
        logs=_strings(event.data.get("logs")),
    )


def _day(row: EventRow) -> str:
    return row.when.day if row.when else ""


def _strings(value: object) -> tuple[str, ...]:
    """A list of strings in an event's data, the last fifty of it; anything else is none."""
    if not isinstance(value, (list, tuple)):
        return ()
    return tuple(clean(item, 600) for item in value[-50:])
