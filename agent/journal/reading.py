"""A journal that is only read: for a preview beside a running agent, whose journal it must leave as it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future

from agent.core.deliveries import DeliveryRecord
from agent.core.eventlog import Event
from agent.core.inbox import Received
from agent.core.requests import Request
from agent.core.runs import Run
from agent.errors import Transient
from agent.journal.journal import SqliteJournal
from agent.ports import QuarantineEntry
from agent.ports_journal import Post


class ReadOnlyJournal:
    """Answers as the journal does and forgets at once whatever is written."""

    def __init__(self, journal: SqliteJournal) -> None:
        self._journal = journal

    notes: tuple[str, ...] = ()
    trouble: Transient | None = None
    deliveries_dropped = 0

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

    # agent.ports_journal.Inbox

    def receive(self, received: Sequence[Received], keys: Sequence[str], *, until: float) -> bool:  # noqa: ARG002
        """Nobody waits for an answer that could be a lie."""
        return True

    def submit(
        self,
        received: Sequence[Received],
        keys: Sequence[str],
        *,
        until: float,
        post: Post | None = None,  # noqa: ARG002 - the protocol names it
    ) -> Future[bool]:
        answer: Future[bool] = Future()
        answer.set_result(self.receive(received, keys, until=until))
        return answer

    def pending_events(self, limit: int) -> tuple[Received, ...]:
        return self._journal.pending_events(limit)

    def settle(self, ids: Sequence[str], outcome: str, *, failed: bool = False) -> None:
        """They are the running agent's to act upon."""

    def postpone(self, ids: Sequence[str], until: float, why: str) -> None:
        """They are the running agent's to act upon."""

    def inbox_depth(self) -> int:
        return self._journal.inbox_depth()

    def last_received(self, trigger: str) -> Received | None:
        return self._journal.last_received(trigger)

    def changed_by_others(self) -> bool:
        return self._journal.changed_by_others()

    # agent.ports_journal.DeliveryLog

    def append_delivery(self, record: DeliveryRecord) -> None:
        """Nothing was sent."""

    def recent_deliveries(
        self, limit: int, trigger: str | None = None, before: str | None = None, outcome: str | None = None
    ) -> tuple[DeliveryRecord, ...]:
        return self._journal.recent_deliveries(limit, trigger, before, outcome)

    def unflushed_deliveries(self, limit: int) -> tuple[tuple[int, DeliveryRecord], ...]:  # noqa: ARG002
        """None: they are the running agent's to flush."""
        return ()

    def mark_deliveries_flushed(self, sequence: int) -> None:
        """Nothing was flushed."""

    # agent.ports_journal.Requests

    def request(self, request: Request) -> None:
        """Nothing is asked of anybody."""

    def requests(self, workload_id: str | None = None) -> tuple[Request, ...]:
        return self._journal.requests(workload_id)

    def close_request(self, request_id: str, outcome: str) -> None:
        """It stays open for the running agent."""

    # agent.ports_journal.Runs

    def save_run(self, run: Run) -> None:
        """Nothing runs."""

    def runs(self, workload_id: str | None = None, limit: int = 20) -> tuple[Run, ...]:
        return self._journal.runs(workload_id, limit)

    def open_runs(self) -> tuple[Run, ...]:
        return self._journal.open_runs()

    def keep_runs(self, workload_id: str, count: int) -> None:
        """They are kept."""

    # agent.ports_journal.Polls

    def save_poll(self, key: str, state: bytes) -> None:
        """The running agent keeps its own."""

    def load_poll(self, key: str) -> bytes | None:
        return self._journal.load_poll(key)

    def forget_polls(self, keep: Iterable[str]) -> None:
        """They are kept."""

    def close(self) -> None:
        self._journal.close()
