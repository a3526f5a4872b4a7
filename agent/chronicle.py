"""Writes events: gives them their id and time, removes secrets, stores them, and tells whoever watches.

Watchers are told that something changed and nothing else: what consumes the event log never writes to it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from agent.core.eventlog import Event
from agent.core.reasons import Reason
from agent.ports import Clock, Journal, Secrets

MAX_MESSAGE = 4000


def timestamp(seconds: float) -> str:
    """RFC 3339 in UTC with milliseconds, from epoch seconds."""
    return datetime.fromtimestamp(seconds, tz=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """An event before it has an id, a time and a host."""

    reason: Reason
    message: str
    severity: str = "info"
    source: str = "reconcile"
    workload: str | None = None
    revision: str | None = None
    data: Mapping[str, object] | None = None


class Watchers:
    """Callbacks told after each change; a callback that fails is dropped."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[], None]] = []

    def subscribe(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Add a callback; the result removes it."""
        with self._lock:
            self._callbacks.append(changed)

        def unsubscribe() -> None:
            self._drop(changed)

        return unsubscribe

    def tell(self) -> None:
        """Call everyone; never raises."""
        with self._lock:
            callbacks = tuple(self._callbacks)
        for changed in callbacks:
            try:
                changed()
            except RuntimeError:  # its event loop is closed: a reader that went away
                self._drop(changed)

    def _drop(self, changed: Callable[[], None]) -> None:
        with self._lock:
            if changed in self._callbacks:  # another thread that told it may have been faster
                self._callbacks.remove(changed)


class Chronicle:
    """The only writer of the event log."""

    def __init__(self, journal: Journal, secrets: Secrets, clock: Clock, host: str, next_id: Callable[[], str]) -> None:
        self._journal = journal
        self._secrets = secrets
        self._clock = clock
        self._host = host
        self._next_id = next_id
        self._lock = threading.Lock()
        self.watchers = Watchers()
        self.counts: dict[str, int] = {}

    def write(self, note: Note) -> Event:
        """Store one event; ids and times grow in the order of the calls."""
        with self._lock:
            event = Event(
                id=self._next_id(),
                time=timestamp(self._clock.now()),
                host=self._host,
                severity=note.severity,
                source=note.source,
                reason=note.reason,
                message=self._secrets.redact(note.message)[:MAX_MESSAGE],
                workload=note.workload,
                revision=note.revision,
                data=self._redacted(note.data or {}),
            )
            self._journal.append_event(event)
            self.counts[note.severity] = self.counts.get(note.severity, 0) + 1
        self.watchers.tell()
        return event

    def _redacted(self, data: Mapping[str, object]) -> dict[str, object]:
        return {key: self._clean(value) for key, value in data.items()}

    def _clean(self, value: object) -> object:
        if isinstance(value, str):
            return self._secrets.redact(value)
        if isinstance(value, Mapping):
            return self._redacted(value)
        if isinstance(value, list | tuple):
            return [self._clean(one) for one in value]
        return value
