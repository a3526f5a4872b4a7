"""A journal that is only read: for a preview beside a running agent, whose journal it must leave as it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from agent.core.eventlog import Event
from agent.errors import Transient
from agent.journal.journal import SqliteJournal
from agent.ports import QuarantineEntry


class ReadOnlyJournal:
    """Answers as the journal does and forgets at once whatever is written."""

    def __init__(self, journal: SqliteJournal) -> None:
        self._journal = journal

    notes: tuple[str, ...] = ()
    trouble: Transient | None = None

    def append_event(self, event: Event) -> None:
        """Nobody is told."""

    def unflushed_events(self, limit: int) -> tuple[tuple[int, Event], ...]:  # noqa: ARG002 - the protocol names it
        """None: they are the running agent's to flush."""
        return ()

    def mark_flushed(self, sequence: int) -> None:
        """Nothing was flushed."""

    def recent_events(self, limit: int, workload: str | None = None, before: str | None = None) -> tuple[Event, ...]:
        return self._journal.recent_events(limit, workload, before)

    def last_event_id(self) -> str | None:
        return self._journal.last_event_id()

    def quarantine(self, entry: QuarantineEntry) -> None:
        """Nothing is tried, so nothing fails."""

    def quarantined(self) -> tuple[QuarantineEntry, ...]:
        return self._journal.quarantined()

    def lift_quarantine(self, workload_id: str, keep: str | None = None) -> None:
        """It stays in force for the running agent."""

    def remember(self, key: str, value: str) -> None:
        """Nothing happened that is worth remembering."""

    def recall(self, key: str) -> str | None:
        return self._journal.recall(key)

    def cached_documents(self, blob_ids: Iterable[str]) -> Mapping[str, bytes]:
        return self._journal.cached_documents(blob_ids)

    def cache_documents(self, parsed: Mapping[str, bytes]) -> None:
        """The running agent keeps its own."""

    def close(self) -> None:
        self._journal.close()
