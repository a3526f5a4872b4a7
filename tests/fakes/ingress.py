"""An Ingress with state: triggers that tests set, an inbox that knows keys again, records of deliveries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future

from agent.core.deliveries import DeliveryRecord
from agent.core.inbound import InboundEvent
from agent.errors import PierheadError
from agent.ports_journal import Post
from agent.ports_web import WebhookTrigger


class FakeIngress:
    """Empty by default. `error` is what the journal answers while it is set."""

    def __init__(self) -> None:
        self.moved = 0
        self.triggers: dict[str, WebhookTrigger | PierheadError] = {}
        self.stored: list[tuple[str, InboundEvent]] = []
        self.keys: dict[str, float] = {}
        self.records: list[DeliveryRecord] = []
        self.error: Exception | None = None
        self._ids = 0

    # Ingress

    def config_moved(self) -> None:
        self.moved += 1

    def webhook(self, name: str) -> WebhookTrigger | None:
        found = self.triggers.get(name)
        if isinstance(found, PierheadError):
            raise found
        return found

    def accept(
        self, trigger: str, events: Sequence[InboundEvent], keys: Mapping[str, float], post: Post
    ) -> Future[tuple[str, ...] | None]:
        future: Future[tuple[str, ...] | None] = Future()
        if self.error is not None:
            error = self.error
            post(lambda: future.set_exception(error))
            return future
        ids = self._store(trigger, events, keys)
        post(lambda: future.set_result(ids))
        return future

    def delivered(self, record: DeliveryRecord) -> None:
        self.records.append(record)

    def next_delivery_id(self) -> str:
        return self._next("d")

    # What tests do

    def add(
        self, name: str, *secrets: str, vendor: str = "auto", auth: str = "signature", manual: bool = False
    ) -> WebhookTrigger:
        """A trigger that takes deliveries."""
        values = tuple(secret.encode() for secret in secrets)
        trigger = WebhookTrigger(name=name, vendor=vendor, auth=auth, secrets=values, manual=manual)
        self.triggers[name] = trigger
        return trigger

    @property
    def outcomes(self) -> list[tuple[str, str, int]]:
        """Trigger, outcome and status of each record."""
        return [(one.trigger, one.outcome, one.status) for one in self.records]

    def _store(self, trigger: str, events: Sequence[InboundEvent], keys: Mapping[str, float]) -> tuple[str, ...] | None:
        if any(key in self.keys for key in keys):
            return None
        self.keys.update(keys)
        self.stored += [(trigger, event) for event in events]
        return tuple(self._next("e") for _ in events)

    def _next(self, prefix: str) -> str:
        self._ids += 1
        return f"{prefix}{self._ids:05d}"
