"""Triggers: what each listens to, what its newest event meant and for whom. What does not work comes first."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from agent.core.deliveries import DeliveryRecord
from agent.core.delivery import AUTH_WAYS
from agent.core.detail import BindingDetail, TriggerDetail
from agent.core.eventlog import Event
from agent.web.views.deliveries import DeliveryRow, delivery_rows
from agent.web.views.events import EventRow, event_row
from agent.web.views.text import Moment, ahead, clean, moment, one_line

ICONS = frozenset({"registry", "git", "webhook", "schedule", "manual", "log_scan"})
"""Kinds that have an icon of their own; one from outside the package shares the one of all."""


@dataclass(frozen=True, slots=True)
class BindingRow:
    """One binding. `state` is fired, idle, quiet (there was no event yet) or disabled."""

    trigger: str
    kind: str
    icon: str
    workload: str
    known: bool
    number: int
    order: int
    action: str
    state: str
    tone: str
    why: str
    at: Moment | None
    next_tick: Moment | None
    overrides: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TriggerRow:
    """One trigger in a list. `state` is trouble, unused (no binding is enabled), quiet (no event yet) or heard."""

    name: str
    kind: str
    icon: str
    workload: str
    state: str
    tone: str
    summary: tuple[tuple[str, str], ...]
    bound: int
    enabled: int
    event: str
    at: Moment | None
    outcome: str
    next_tick: Moment | None
    trouble: str


@dataclass(frozen=True, slots=True)
class TriggersPage:
    """All of the page; `failing` and `working` are disjoint and together all triggers."""

    failing: tuple[TriggerRow, ...]
    working: tuple[TriggerRow, ...]


@dataclass(frozen=True, slots=True)
class TriggerPage:
    """All of the page of one trigger. `auth` is how a sender proves itself, empty where nobody sends."""

    row: TriggerRow
    description: str
    place: str
    auth: str
    polled: Moment | None
    event_id: str
    bindings: tuple[BindingRow, ...]
    deliveries: tuple[DeliveryRow, ...]
    events: tuple[EventRow, ...]


def triggers_page(triggers: Iterable[TriggerDetail], now: float) -> TriggersPage:
    """What the list shows at `now` (epoch seconds)."""
    rows = [trigger_row(one, now) for one in sorted(triggers, key=lambda one: one.name)]
    return TriggersPage(
        failing=tuple(one for one in rows if one.trouble), working=tuple(one for one in rows if not one.trouble)
    )


def trigger_page(
    detail: TriggerDetail,
    workloads: Collection[str],
    traffic: tuple[Sequence[DeliveryRecord], Sequence[Event]],
    now: float,
) -> TriggerPage:
    """What the page of one trigger shows at `now`; `traffic` are its newest deliveries and events."""
    deliveries, events = traffic
    return TriggerPage(
        row=trigger_row(detail, now),
        description=clean(detail.description),
        place=_place(detail),
        auth=_auth(detail.auth),
        polled=moment(detail.polled, now),
        event_id=one_line(detail.last_event_id or "", 128),
        bindings=binding_rows(detail.bindings, workloads, now),
        deliveries=delivery_rows(deliveries, (detail.name,), now),
        events=tuple(event_row(event, now) for event in events),
    )


def trigger_row(detail: TriggerDetail, now: float) -> TriggerRow:
    state, tone = _state(detail)
    return TriggerRow(
        name=detail.name,
        kind=one_line(detail.kind, 40),
        icon=_icon(detail.kind),
        workload=detail.workload or "",
        state=state,
        tone=tone,
        summary=tuple((one_line(key, 80), one_line(value, 400)) for key, value in detail.summary.items() if value),
        bound=len(detail.bindings),
        enabled=sum(one.enabled for one in detail.bindings),
        event=one_line(detail.last_event, 300),
        at=moment(detail.last_event_at, now),
        outcome=one_line(detail.outcome, 200),
        next_tick=ahead(moment(detail.next_tick, now)),
        trouble=clean(detail.trouble, 600),
    )


def binding_rows(bindings: Iterable[BindingDetail], workloads: Collection[str], now: float) -> tuple[BindingRow, ...]:
    """Bindings in their order; only workloads of this host have a page to link to."""
    return tuple(_binding(one, one.workload in workloads, now) for one in bindings)


def _binding(one: BindingDetail, known: bool, now: float) -> BindingRow:
    state, tone = _binding_state(one)
    return BindingRow(
        trigger=one.trigger,
        kind=one_line(one.kind, 40),
        icon=_icon(one.kind),
        workload=one.workload,
        known=known,
        number=one.number,
        order=one.order,
        action=one_line(one.action, 40),
        state=state,
        tone=tone,
        why=clean(one.why, 600),
        at=moment(one.at, now),
        next_tick=ahead(moment(one.next_tick, now)),
        overrides=tuple(one_line(text, 300) for text in one.overrides),
    )


def _state(detail: TriggerDetail) -> tuple[str, str]:
    if detail.trouble:
        return "trouble", "degraded"
    if not any(one.enabled for one in detail.bindings):
        return "unused", "suspended"
    return ("heard", "synced") if detail.last_event_at else ("quiet", "waiting")


def _binding_state(one: BindingDetail) -> tuple[str, str]:
    if not one.enabled:
        return "disabled", "suspended"
    if one.fired is None:
        return "quiet", "unknown"
    return ("fired", "synced") if one.fired else ("idle", "suspended")


def _icon(kind: str) -> str:
    return kind if kind in ICONS else "trigger"


def _auth(way: str | None) -> str:
    return "" if way is None else way if way in AUTH_WAYS else "other"


def _place(detail: TriggerDetail) -> str:
    path = one_line(detail.path, 400)
    return f"{path}:{detail.line}" if detail.line else path
