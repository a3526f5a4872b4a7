"""What came from outside and what was sent there: when, by whom, what became of it and why."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import groupby

from agent.core.deliveries import ACCEPTED, DUPLICATE, FAILED, IGNORED, OUTCOMES, REFUSED, SENT, DeliveryRecord
from agent.web.views.paging import Fetch, Selected, select
from agent.web.views.text import Measure, Moment, clean, moment, one_line, size_of, span

TONES = {
    ACCEPTED: "synced",
    SENT: "synced",
    IGNORED: "suspended",
    DUPLICATE: "suspended",
    REFUSED: "degraded",
    FAILED: "failed",
}


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """What the reader asked for; None where nothing was."""

    trigger: str | None = None
    outcome: str | None = None
    before: str | None = None


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """One delivery. `known` is True where the trigger has a page; `status` is empty where none was answered."""

    id: str
    when: Moment | None
    trigger: str
    known: bool
    sent: bool
    vendor: str
    outcome: str
    tone: str
    status: str
    reason: str
    sender: str
    size: Measure
    took: Measure


@dataclass(frozen=True, slots=True)
class DeliveryDay:
    """The deliveries of one day in UTC."""

    date: str
    deliveries: tuple[DeliveryRow, ...]


@dataclass(frozen=True, slots=True)
class DeliveriesPage:
    """All of the page; the filter as it was understood, and the next page's `before`."""

    days: tuple[DeliveryDay, ...]
    trigger: str
    outcome: str
    triggers: tuple[str, ...]
    outcomes: tuple[str, ...]
    before: str
    next_before: str


def select_deliveries(
    fetch: Fetch[DeliveryRecord], limit: int, before: str | None, outcome: str | None
) -> Selected[DeliveryRecord]:
    """Up to `limit` deliveries of that outcome; `fetch` knows the trigger."""
    return select(fetch, limit, before, None if outcome is None else lambda one: one.outcome == outcome)


def deliveries_page(
    selected: Selected[DeliveryRecord], asked: DeliveryFilter, names: Collection[str], now: float
) -> DeliveriesPage:
    """What the page shows at `now` (epoch seconds); `names` are those of all triggers."""
    rows = delivery_rows(selected.items, names, now)
    seen = {one.trigger for one in selected.items}
    asked_for = {asked.trigger} if asked.trigger else set()
    return DeliveriesPage(
        days=tuple(DeliveryDay(date, tuple(group)) for date, group in groupby(rows, key=_day)),
        trigger=asked.trigger or "",
        outcome=asked.outcome or "",
        triggers=tuple(sorted({*names, *seen, *asked_for})),
        outcomes=OUTCOMES,
        before=asked.before or "",
        next_before=selected.next_before or "",
    )


def delivery_rows(records: Iterable[DeliveryRecord], names: Collection[str], now: float) -> tuple[DeliveryRow, ...]:
    return tuple(_row(record, record.trigger in names, now) for record in records)


def _row(record: DeliveryRecord, known: bool, now: float) -> DeliveryRow:
    return DeliveryRow(
        id=one_line(record.id, 128),
        when=moment(record.time, now),
        trigger=record.trigger,
        known=known,
        sent=record.direction == "out",
        vendor=one_line(record.vendor or "", 80),
        outcome=record.outcome if record.outcome in TONES else "unknown",
        tone=TONES.get(record.outcome, "unknown"),
        status=str(record.status) if record.status else "",
        reason=clean(record.reason, 600),
        sender=one_line(record.sender, 120),
        size=size_of(record.size),
        took=span(record.seconds),
    )


def _day(row: DeliveryRow) -> str:
    return row.when.day if row.when else ""
