"""Events for a workload or a trigger whose document cannot be used just now: they are kept until it is mended.

What an event means for all other workloads is done at once; for the broken one a copy of it waits, an hour at most. A
document that could never be used has missed nothing: it says itself which version it begins with.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Protocol

from agent.core.inbox import Received
from agent.core.model import DesiredState
from agent.core.moments import epoch
from agent.core.problems import Severity
from agent.errors import PierheadError
from agent.ports import Clock
from agent.ports_journal import Inbox

logger = logging.getLogger(__name__)

KEY = "triggers:bound"
PATIENCE = 3600.0
MOST_COPIES = 20


class Memory(Protocol):
    """Small values that outlive the process; raises Transient or Stalled."""

    def remember(self, key: str, value: str) -> None: ...

    def recall(self, key: str) -> str | None: ...


class Mending:
    """`learn` whenever a desired state comes into force; the rest from any thread."""

    def __init__(self, inbox: Inbox, clock: Clock, memory: Memory) -> None:
        self._inbox = inbox
        self._clock = clock
        self._memory = memory
        self._bound: Mapping[str, Sequence[str]] | None = None

    def learn(self, desired: DesiredState) -> None:
        """Remember to which triggers each workload is bound, for when its document says nothing."""
        found: dict[str, list[str]] = {}
        for trigger, bounds in sorted(desired.bindings.items()):
            for bound in bounds:
                found.setdefault(bound.workload, []).append(trigger)
        try:
            broken = frozenset(desired.invalid.values())
            self._bound = {name: triggers for name, triggers in self._known().items() if name in broken} | found
            self._memory.remember(KEY, json.dumps(self._bound, sort_keys=True, separators=(",", ":")))
        except PierheadError as error:
            logger.warning("which workloads are bound to which triggers cannot be kept: %s", error)

    def _known(self) -> Mapping[str, Sequence[str]]:
        """As an earlier process knew it."""
        if self._bound is None:
            with suppress(ValueError):
                found = json.loads(self._memory.recall(KEY) or "{}")
                self._bound = found if isinstance(found, dict) else None
        return self._bound or {}

    def broken(self, received: Received, desired: DesiredState) -> str:
        """Why nobody can say what an event means as a whole; empty where somebody can."""
        invalid = frozenset(desired.invalid.values())
        if received.workload in invalid:
            return f"the document of workload {received.workload} has errors"
        if received.trigger in desired.triggers:
            return ""
        owner = received.trigger.rpartition(".")[0]
        if owner in invalid:
            return f"the document of workload {owner} has errors"
        wrong = [one for one in desired.problems if one.severity is Severity.ERROR and one.kind == "Trigger"]
        if any(one.name == received.trigger for one in wrong):
            return f"the document of trigger {received.trigger} has errors"
        return "" if desired.complete else "a document that could not be read may be the trigger's"

    def over(self, received: Received, longest: float) -> bool:
        """Whether an event is older than so many seconds."""
        return self._clock.now() - epoch(received.time) > longest

    def set_aside(self, events: Iterable[Received], desired: DesiredState) -> None:
        """Keep a copy of each event for each broken workload that it may be for. Doing it twice keeps one."""
        copies = [copy for one in events for copy in self._copies(one, desired)]
        if copies:
            self._inbox.receive(copies, [], until=0.0)

    def split(self, received: Received, desired: DesiredState) -> bool:
        """Keep a copy for each workload that an event is for, so that each is judged by itself; False for one alone."""
        names = sorted({one.workload for one in desired.bindings.get(received.trigger, ())})
        if received.workload is not None or len(names) < 2:
            return False
        self.set_aside([received], desired)
        self._inbox.receive([_copy(received, name) for name in names], [], until=0.0)
        return True

    def _copies(self, received: Received, desired: DesiredState) -> Iterator[Received]:
        trigger = desired.triggers.get(received.trigger)
        if received.workload is not None or trigger is None or trigger.workload is not None:
            return
        for name in self._concerned(received.trigger, sorted(desired.invalid.values()))[:MOST_COPIES]:
            yield _copy(received, name)

    def _concerned(self, trigger: str, names: Sequence[str]) -> list[str]:
        """The workloads that were bound to the trigger when their documents could be used."""
        return [name for name in names if trigger in (self._bound or {}).get(name, ())]


def _copy(received: Received, name: str) -> Received:
    return replace(received, id=f"{received.id}.{name}", workload=name, attempts=0)
