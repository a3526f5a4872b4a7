"""The event log as a list that is filtered and paged, newest first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from agent.core.eventlog import LEVELS, Event
from agent.web.views.paging import Fetch, Selected, select
from agent.web.views.text import Moment, clean, moment, one_line, short_commit

LONGEST_NAME = 253
USUAL = "info"
"""The least severity shown when none is asked for: why something was not done is told on request."""


@dataclass(frozen=True, slots=True)
class Filter:
    """What the reader asked for; None where nothing was."""

    workload: str | None = None
    severity: str | None = None
    before: str | None = None
    trigger: str | None = None


def select_events(fetch: Fetch[Event], limit: int, asked: Filter) -> Selected[Event]:
    """Up to `limit` events at least as severe as asked for, about the trigger asked for; `fetch` knows the workload.

    A severity that nobody knows counts as the worst.
    """
    hidden = LEVELS[: LEVELS.index(asked.severity or USUAL)]
    if not hidden and asked.trigger is None:
        return select(fetch, limit, asked.before)

    def matches(event: Event) -> bool:
        return event.severity not in hidden and asked.trigger in (None, event.data.get("trigger"))

    return select(fetch, limit, asked.before, matches)


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
    trigger: str
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
    trigger: str
    workloads: tuple[str, ...]
    triggers: tuple[str, ...]
    before: str
    next_before: str


def events_page(
    selected: Selected[Event], asked: Filter, workloads: Iterable[str], triggers: Iterable[str], now: float
) -> EventsPage:
    """What the events page shows at `now` (epoch seconds); `workloads` and `triggers` are the names to choose from."""
    rows = [event_row(event, now) for event in selected.items]
    return EventsPage(
        days=tuple(Day(date, tuple(group)) for date, group in groupby(rows, key=_day)),
        workload=asked.workload or "",
        severity="" if asked.severity == USUAL else asked.severity or "",
        trigger=asked.trigger or "",
        workloads=_choices(workloads, asked.workload),
        triggers=_choices(triggers, asked.trigger),
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
        trigger=_name(event.data.get("trigger")),
        revision=short_commit(event.revision),
        plan=_strings(event.data.get("plan")),
        logs=_strings(event.data.get("logs")),
    )


def _choices(names: Iterable[str], asked: str | None) -> tuple[str, ...]:
    """All names in order, with the one asked for although it is gone."""
    return tuple(sorted({*names, asked} if asked else set(names)))


def _day(row: EventRow) -> str:
    return row.when.day if row.when else ""


def _name(value: object) -> str:
    """A name in an event's data, as it is, for links; anything else is none."""
    return value if isinstance(value, str) and len(value) <= LONGEST_NAME else ""


def _strings(value: object) -> tuple[str, ...]:
    """A list of strings in an event's data, the last fifty of it; anything else is none."""
    if not isinstance(value, (list, tuple)):
        return ()
    return tuple(clean(item, 600) for item in value[-50:])
