"""What the webhook ingress may ask and cause: which triggers take deliveries, and storing what they brought."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from agent.core.deliveries import DeliveryRecord
from agent.core.inbound import InboundEvent
from agent.core.reasons import Reason
from agent.core.triggers import TriggerKind, WatchIngress
from agent.dispatch.intake import Intake
from agent.errors import PierheadError, Transient
from agent.follower import Follower
from agent.ports import Secrets
from agent.ports_journal import DeliveryLog, Post
from agent.ports_web import WebhookTrigger

SOON = 2.0
"""Seconds in which an agent that has just started has read its config repository, mostly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskParts:
    """What the desk needs. `moved` fetches the config repository soon."""

    follower: Follower
    triggers: Mapping[str, TriggerKind]
    secrets: Secrets
    intake: Intake
    deliveries: DeliveryLog
    next_id: Callable[[], str]
    moved: Callable[[], object]


class Desk:
    """Implements `agent.ports_web.Ingress`."""

    def __init__(self, parts: DeskParts) -> None:
        self._parts = parts

    def config_moved(self) -> None:
        """See `Ingress`."""
        self._parts.moved()

    def webhook(self, name: str) -> WebhookTrigger | None:
        """See `Ingress`. A trigger is disabled when bindings lead to it and none of them is enabled.

        Before anything was read nobody knows which triggers there are, so whoever sends must come again.
        """
        desired = self._parts.follower.state.desired
        if desired is None:
            raise Transient(Reason.NOTHING_READABLE, "the config repository has not been read yet", retry_after=SOON)
        trigger = desired.triggers.get(name)
        if trigger is None:
            return None
        bounds = desired.bindings.get(name, ())
        if bounds and not any(bound.enabled for bound in bounds):
            return None
        for watch in self._parts.triggers[trigger.kind].watches(trigger.config):
            if isinstance(watch, WatchIngress):
                return WebhookTrigger(
                    name=name,
                    vendor=watch.vendor,
                    auth=watch.auth,
                    secrets=self._values(watch.secrets),
                    manual=watch.manual,
                )
        return None

    def _values(self, names: Sequence[str]) -> tuple[bytes, ...]:
        """The values that there are; raises the reason when there is none at all."""
        values: list[bytes] = []
        missing: PierheadError | None = None
        for name in names:
            try:
                values.append(self._parts.secrets.value(name).encode("utf-8", "surrogatepass"))
            except PierheadError as error:
                missing = missing or error
        if missing is not None and not values:
            raise missing
        return tuple(value for value in values if value)

    def accept(
        self, trigger: str, events: Sequence[InboundEvent], keys: Mapping[str, float], post: Post
    ) -> Future[tuple[str, ...] | None]:
        """See `Ingress`."""
        return self._parts.intake.submit(trigger, events, keys, post)

    def delivered(self, record: DeliveryRecord) -> None:
        """See `Ingress`."""
        self._parts.deliveries.append_delivery(record)

    def next_delivery_id(self) -> str:
        """See `Ingress`."""
        return self._parts.next_id()
