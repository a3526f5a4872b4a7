"""Protocols of what triggers keep in the journal, one for each who needs it. One SQLite file implements them all.

Every method is atomic and safe from any thread, and raises Stalled or Transient.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from typing import Protocol

from agent.core.deliveries import DeliveryRecord
from agent.core.inbox import Received
from agent.core.requests import Request
from agent.core.runs import Run

Post = Callable[[Callable[[], None]], object]
"""Has a function called in another thread, as `call_soon_threadsafe` of an event loop does."""


class Inbox(Protocol):
    """Accepted events until they are acted upon, and the keys by which a delivery is known again."""

    def receive(self, received: Sequence[Received], keys: Sequence[str], *, until: float) -> bool:
        """Store the events of one delivery on disk, all or none; False, and nothing stored, when a key is known.

        A key is known while its delivery is pending and, once that is done, until `until` (epoch seconds). When acting
        upon one of the events failed, it is free again. Without events nothing is stored and no key is kept.
        """

    def submit(
        self, received: Sequence[Received], keys: Sequence[str], *, until: float, post: Post | None = None
    ) -> Future[bool]:
        """The same for an event loop: returns at once; many that wait at the same time share one fsync.

        With `post` the results of one commit come by one call of it, which spares a wake-up each.
        """

    def pending_events(self, limit: int) -> tuple[Received, ...]:
        """Those to be acted upon now, oldest first; postponed ones from their time on."""

    def settle(self, ids: Sequence[str], outcome: str, *, failed: bool = False) -> None:
        """They are acted upon; or failed for good, and the same delivery is taken again. `outcome` is for people."""

    def postpone(self, ids: Sequence[str], until: float, why: str) -> None:
        """One attempt more; come back to them at `until` (epoch seconds)."""

    def inbox_depth(self) -> int:
        """How many are pending, postponed ones too."""

    def last_received(self, trigger: str) -> Received | None:
        """The newest event of a trigger, whatever became of it."""

    def changed_by_others(self) -> bool:
        """Whether another process wrote to the journal since the last call; cheap enough for every second."""


class DeliveryLog(Protocol):
    """The newest records of deliveries. They are no decisions: a power cut or a full disk may cost some."""

    @property
    def deliveries_dropped(self) -> int:
        """How many went before they were in git."""

    def append_delivery(self, record: DeliveryRecord) -> None:
        """Returns at once and never raises; it is on disk a moment later."""

    def recent_deliveries(
        self, limit: int, trigger: str | None = None, before: str | None = None, outcome: str | None = None
    ) -> tuple[DeliveryRecord, ...]:
        """Newest first; `before` is the id of a record to page on from."""

    def unflushed_deliveries(self, limit: int) -> tuple[tuple[int, DeliveryRecord], ...]:
        """Those that are not in git yet with their sequence numbers, oldest first."""

    def mark_deliveries_flushed(self, sequence: int) -> None:
        """Everything up to and including `sequence` is in git."""


class Requests(Protocol):
    """What events asked of workloads besides a pin."""

    def request(self, request: Request) -> None:
        """Keep it; the same id again changes nothing, even once it is closed.

        A redeploy or a restart takes the place of an open one of the same workload.
        """

    def requests(self, workload_id: str | None = None) -> tuple[Request, ...]:
        """Open ones, oldest first."""

    def close_request(self, request_id: str, outcome: str) -> None:
        """It is done, or never will be. `outcome` is for people."""


class Runs(Protocol):
    """One-off containers and how they ended."""

    def save_run(self, run: Run) -> None:
        """Insert it, or replace the one of the same id."""

    def runs(self, workload_id: str | None = None, limit: int = 20) -> tuple[Run, ...]:
        """Newest first."""

    def open_runs(self) -> tuple[Run, ...]:
        """Those that are not over, oldest first."""

    def keep_runs(self, workload_id: str, count: int) -> None:
        """Forget what ended, beyond the newest `count` of a workload."""


class Polls(Protocol):
    """What pollers know of what they watch, as they serialised it."""

    def save_poll(self, key: str, state: bytes) -> None: ...

    def load_poll(self, key: str) -> bytes | None: ...

    def forget_polls(self, keep: Iterable[str]) -> None:
        """Forget all but these."""
