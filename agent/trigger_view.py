"""Triggers, bindings and runs as the page and the API see them, from the desired state and the board of triggers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from agent.chronicle import timestamp
from agent.core.detail import BindingDetail, TriggerDetail
from agent.core.inbox import Received
from agent.core.model import Bound, DesiredState, Trigger
from agent.core.triggers import TriggerKind, WatchIngress
from agent.dispatch.board import Heard, TriggerBoard
from agent.dispatch.clockwork import Clockwork
from agent.errors import PierheadError


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerView:
    """Reads; safe from any thread. `last_received` gives the newest event of a trigger that an earlier process knew."""

    board: TriggerBoard
    clockwork: Clockwork
    kinds: Mapping[str, TriggerKind]
    last_received: Callable[[str], Received | None]

    def triggers(self, desired: DesiredState | None) -> tuple[TriggerDetail, ...]:
        """All triggers, by name."""
        if desired is None:
            return ()
        return tuple(self._detail(trigger, desired) for _, trigger in sorted(desired.triggers.items()))

    def trigger(self, desired: DesiredState | None, name: str) -> TriggerDetail | None:
        """One trigger."""
        found = desired.triggers.get(name) if desired is not None else None
        return self._detail(found, desired) if found is not None and desired is not None else None

    def bindings(self, desired: DesiredState | None, workload: str) -> tuple[BindingDetail, ...]:
        """The bindings of one workload, in the order in which they are written."""
        if desired is None:
            return ()
        found = [one for bounds in desired.bindings.values() for one in bounds if one.workload == workload]
        return tuple(self._binding(one, desired) for one in sorted(found, key=lambda one: one.number))

    def pending(self, workload: str) -> str:
        """The update that waits to be written for one workload; empty where none does."""
        found = self.board.pending.get(workload)
        return found.words if found is not None else ""

    def _detail(self, trigger: Trigger, desired: DesiredState) -> TriggerDetail:
        heard, looked = self._heard(trigger.name), self.board.looked_at(trigger.name)
        return TriggerDetail(
            name=trigger.name,
            kind=trigger.kind,
            path=trigger.position.path,
            line=trigger.position.line,
            description=trigger.description,
            workload=trigger.workload,
            summary=self.kinds[trigger.kind].summary(trigger.config),
            bindings=tuple(self._binding(one, desired) for one in desired.bindings.get(trigger.name, ())),
            last_event=heard.text if heard else "",
            last_event_id=heard.event if heard else None,
            last_event_at=heard.at if heard else None,
            outcome=heard.outcome if heard else "",
            next_tick=self._next_tick(trigger.name),
            polled=looked.at,
            trouble=looked.trouble,
            auth=self._auth(trigger),
        )

    def _auth(self, trigger: Trigger) -> str | None:
        """How a sender proves itself; None where there is no address to send to."""
        watches = self.kinds[trigger.kind].watches(trigger.config)
        return next((one.auth for one in watches if isinstance(one, WatchIngress)), None)

    def _heard(self, trigger: str) -> Heard | None:
        heard = self.board.heard_of(trigger)
        if heard is not None:
            return heard
        with suppress(PierheadError):  # a page without it is better than none
            last = self.last_received(trigger)
            if last is not None:
                return Heard(text=last.event.text, event=last.id, at=last.time, outcome="")
        return None

    def _binding(self, bound: Bound, desired: DesiredState) -> BindingDetail:
        meant = self.board.meant_for(bound.workload, bound.trigger, bound.number)
        trigger = desired.triggers[bound.trigger]
        changed = [f"{name}: {value}" for name, value in bound.config.items() if trigger.config.get(name) != value]
        return BindingDetail(
            trigger=bound.trigger,
            kind=trigger.kind,
            workload=bound.workload,
            number=bound.number + 1,
            order=bound.order,
            enabled=bound.enabled,
            action=bound.action,
            overrides=tuple(sorted(changed)),
            fired=meant.fired if meant else None,
            why=meant.why if meant else "",
            at=meant.at if meant else None,
            event=meant.event if meant else None,
            next_tick=self._next_tick(bound.trigger, bound.workload) if bound.enabled else None,
        )

    def _next_tick(self, trigger: str, workload: str | None = None) -> str | None:
        moment = self.clockwork.next_tick(trigger, workload)
        return timestamp(moment) if moment is not None else None
