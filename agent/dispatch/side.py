"""The triggers of an agent as a whole: started, told of new desired states and of ticks, stopped."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from agent.core.detail import Counter
from agent.dispatch.board import TriggerBoard
from agent.dispatch.clockwork import Clockwork
from agent.dispatch.dispatcher import Dispatcher
from agent.dispatch.judging import Judge
from agent.dispatch.mending import Mending
from agent.dispatch.poller import Poller
from agent.dispatch.updater import Updater
from agent.errors import PierheadError
from agent.ports_journal import DeliveryLog, Inbox

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SideParts:
    """Everything that moves; built once in wiring. `limits` gives what registries said is left, by host."""

    judge: Judge
    board: TriggerBoard
    mending: Mending
    dispatcher: Dispatcher
    updater: Updater
    poller: Poller
    clockwork: Clockwork
    inbox: Inbox
    deliveries: DeliveryLog
    limits: Callable[[], Mapping[str, float]]


class TriggerSide:
    """`start` once, `stop` once; the rest from any thread."""

    def __init__(self, parts: SideParts) -> None:
        self.parts = parts
        self._started = threading.Event()
        self._refreshing = threading.Lock()

    def start(self) -> None:
        """Begin with what an earlier process left."""
        self._started.set()
        self.parts.updater.start()
        self.parts.dispatcher.start()
        self.parts.poller.start()
        self.refresh()

    def refresh(self) -> None:
        """A new desired state is in force."""
        if not self._started.is_set():
            return
        with self._refreshing:
            desired = self.parts.judge.desired
            if desired is None:
                return
            self.parts.board.keep(desired.triggers, self.parts.judge.bases(desired))
            self.parts.mending.learn(desired)
            self.parts.poller.refresh()
            self.parts.clockwork.refresh()
        self.parts.updater.retry()
        self.parts.dispatcher.wake()

    def tick(self) -> None:
        """Every second: another process may have put something into the inbox, or somebody set the clock."""
        self.parts.clockwork.check_clock()
        try:
            if self.parts.inbox.changed_by_others():
                self.parts.dispatcher.wake()
        except PierheadError as error:
            logger.debug("whether something new is in the inbox is not known: %s", error)

    def stop(self, timeout: float) -> None:
        """Finish what is being done, as far as `timeout` seconds allow."""
        self.parts.clockwork.stop()
        self.parts.dispatcher.stop(timeout / 3)
        self.parts.updater.stop(timeout / 3)
        self.parts.poller.stop(timeout / 3)

    def counters(self) -> Iterator[Counter]:
        """The numbers for `/metrics`; those that cannot be had now are left out."""
        parts = self.parts
        yield Counter(name="inbox_events_total", value=parts.dispatcher.handled, help="Inbound events acted upon")
        yield from self._depth()
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

    def _depth(self) -> Iterator[Counter]:
        try:
            depth = self.parts.inbox.inbox_depth()
        except PierheadError:
            return
        yield Counter(name="inbox_depth", value=depth, gauge=True, help="Inbound events that wait")
