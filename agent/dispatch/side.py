"""The triggers of an agent as a whole: started, told of new desired states and of ticks, stopped."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from agent.core.detail import Counter
from agent.dispatch.board import TriggerBoard
from agent.dispatch.clockwork import Clockwork
from agent.dispatch.dispatcher import Dispatcher
from agent.dispatch.judging import Judge
from agent.dispatch.poller import Poller
from agent.dispatch.updater import Updater
from agent.ports_journal import DeliveryLog, Inbox


@dataclass(frozen=True, slots=True, kw_only=True)
class SideParts:
    """Everything that moves; built once in wiring. `limits` gives what registries said is left, by host."""

    judge: Judge
    board: TriggerBoard
    dispatcher: Dispatcher
    updater: Updater
    poller: Poller
    clockwork: Clockwork
    inbox: Inbox
    deliveries: DeliveryLog
    limits: Callable[[], dict[str, float]]


class TriggerSide:
    """`start` once, `stop` once; the rest from any thread."""

    def __init__(self, parts: SideParts) -> None:
        self.parts = parts
        self._started = threading.Event()

    def start(self) -> None:
        """Begin with what an earlier process left."""
        self._started.set()
        self.parts.updater.start()
        self.parts.dispatcher.start()
        self.parts.poller.start()
        self.refresh()

    def refresh(self) -> None:
        """A new desired state is in force."""
        desired = self.parts.judge.desired
        if desired is None or not self._started.is_set():
            return
        self.parts.board.keep(desired.triggers, desired.workloads)
        self.parts.poller.refresh()
        self.parts.clockwork.refresh()
        self.parts.dispatcher.wake()

    def tick(self) -> None:
        """Every second: another process may have put something into the inbox."""
        if self.parts.inbox.changed_by_others():
            self.parts.dispatcher.wake()

    def stop(self, timeout: float) -> None:
        """Finish what is being done, as far as `timeout` seconds allow."""
        self.parts.clockwork.stop()
        self.parts.dispatcher.stop(timeout / 3)
        self.parts.updater.stop(timeout / 3)
        self.parts.poller.stop(timeout / 3)

    def counters(self) -> Iterator[Counter]:
        """The numbers for `/metrics`."""
        parts = self.parts
        yield Counter(name="inbox_events_total", value=parts.dispatcher.handled, help="Inbound events acted upon")
        yield Counter(name="inbox_depth", value=parts.inbox.inbox_depth(), gauge=True, help="Inbound events that wait")
        for outcome, value in parts.poller.polls.items():
            yield Counter(
                name="polls_total", value=value, labels={"outcome": outcome}, help="Looks at registries and git"
            )
        for outcome, value in parts.updater.outcomes.items():
            yield Counter(
                name="updates_total", value=value, labels={"outcome": outcome}, help="Update commits, by outcome"
            )
        yield Counter(name="ticks_total", value=parts.clockwork.ticks, help="Ticks of schedules")
        yield Counter(
            name="deliveries_dropped_total",
            value=parts.deliveries.deliveries_dropped,
            help="Records of deliveries that went before they were in git",
        )
        for host, left in sorted(parts.limits().items()):
            yield Counter(
                name="registry_rate_limit_remaining",
                value=left,
                gauge=True,
                labels={"registry": host},
                help="Requests that a registry said are left",
            )
