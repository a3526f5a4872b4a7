"""Protocols between the page and the agent: what can be read, and what a webhook can cause. Web uses nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol

from agent.core.deliveries import DeliveryRecord
from agent.core.detail import Counter, TriggerDetail, WorkloadDetail
from agent.core.eventlog import Event
from agent.core.inbound import InboundEvent
from agent.core.status import HostStatus
from agent.ports_journal import Post


class View(Protocol):
    """All that the page, the API and the metrics can see. Nothing here changes anything."""

    def status(self) -> HostStatus: ...

    def workload(self, name: str) -> WorkloadDetail | None: ...

    def events(self, limit: int, workload: str | None = None, before: str | None = None) -> tuple[Event, ...]:
        """Newest first; `before` is an event id to page on from."""

    def logs(self, name: str, tail: int) -> tuple[str, ...] | None:
        """The last lines of a workload's active containers, redacted; None when there is no such workload."""

    def follow_logs(self, name: str, tail: int) -> Iterator[str]: ...

    def triggers(self) -> tuple[TriggerDetail, ...]:
        """All triggers of this host, inline ones included, by name."""

    def trigger(self, name: str) -> TriggerDetail | None: ...

    def deliveries(
        self, limit: int, trigger: str | None = None, before: str | None = None
    ) -> tuple[DeliveryRecord, ...]:
        """Newest first; `before` is a delivery's id to page on from."""

    def pending_updates(self) -> Mapping[str, str]:
        """What waits to be written to git and why, by workload; the text is `WorkloadDetail.pending_update`."""

    def counters(self) -> tuple[Counter, ...]: ...

    def unready(self) -> tuple[str, ...]:
        """Why the agent is not ready (no pass finished yet, engine away, repository never read); empty when it is."""

    def subscribe(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Call `changed` (from any thread, quickly) after each change of status or events; returns the unsubscriber."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookTrigger:
    """What an ingress must know of one trigger. `secrets` are values, each of which is accepted.

    `vendor` is the name of one or `auto`; `auth` is one of signature, token, basic and path. With `manual` only an
    empty body is taken.
    """

    name: str
    vendor: str
    auth: str
    secrets: tuple[bytes, ...]
    manual: bool = False


class Ingress(Protocol):
    """What the webhook ingress can cause."""

    def config_moved(self) -> None:
        """Fetch the config repository now; returns at once."""

    def webhook(self, name: str) -> WebhookTrigger | None:
        """The trigger that takes deliveries under that name; None where there is none, or where it is disabled.

        Raises PierheadError while its secret cannot be looked up. Quick: it asks nothing of the outside.
        """

    def accept(
        self, trigger: str, events: Sequence[InboundEvent], keys: Mapping[str, float], post: Post
    ) -> Future[tuple[str, ...] | None]:
        """Store the events of one delivery on disk; the result is their ids, or None where one of the keys is known.

        Each key is remembered for that many seconds once the delivery is done. Returns at once: many that wait at the
        same time share one fsync, and results are set by a call of `post`. The error, also one raised here, is
        Transient while the journal cannot be written.
        """

    def delivered(self, record: DeliveryRecord) -> None:
        """Keep the record of a delivery, whatever became of it. Never raises and never blocks."""

    def next_delivery_id(self) -> str:
        """An id for a delivery's record; ids sort by time."""
