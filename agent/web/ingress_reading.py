"""What an authentic delivery says, and by which keys it is known again; pure.

An id of the sender's and the text of the delivery both tell a repeated one: ids stand outside of most signatures, so
that who holds a captured delivery could send it again under another id. The text is what a vendor reads, so that the
same in a form is the same. Who sends no ids may honestly say the same twice, and is remembered for a minute only; so
may scripts that number what they send, where the id counts if it is signed, and then alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from agent.core.delivery import Delivery, Malformed, Parsed, Vendor
from agent.core.inbound import MANUAL, PING, InboundEvent
from agent.core.webhooks.reading import payload
from agent.core.webhooks.selection import GENERIC, is_manual, reader
from agent.ports_web import WebhookTrigger

WITH_ID = 7 * 86400.0
WITHOUT_ID = 60.0
"""Seconds for which a delivery is remembered once it is done."""

_HIDDEN = "•••"


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Events to store with the keys of the delivery, or why there are none: `ignored`, or a `flaw` of the body."""

    vendor: str | None = None
    events: tuple[InboundEvent, ...] = ()
    keys: Mapping[str, float] = field(default_factory=dict)
    ignored: str = ""
    flaw: str = ""


def content_of(vendors: Mapping[str, Vendor], judge: Vendor, trigger: WebhookTrigger, delivery: Delivery) -> Content:
    """Read a delivery that proved to be authentic by the rule of `judge`. Never raises, whatever the body."""
    if is_manual(delivery):
        return Content(events=(InboundEvent(type=MANUAL),), keys=_signed_id(trigger, judge, delivery))
    if trigger.manual:
        return Content(flaw="body: expected nothing, as the trigger is only fired by hand, found something")
    vendor = reader(vendors, delivery, trigger.vendor) if judge is vendors[GENERIC] else judge
    try:
        parsed = vendor.parse(delivery)
    except Malformed as flaw:
        return Content(vendor=vendor.name, flaw=_without(trigger.secrets, str(flaw)))
    events = tuple(event for event in parsed.events if event.type != PING)
    if not events:
        ping = "a ping: the sender tries whether anybody is there"
        return Content(vendor=vendor.name, ignored=_without(trigger.secrets, parsed.ignored or ping))
    return Content(vendor=vendor.name, events=events, keys=_keys(trigger, vendor, delivery, parsed))


def _keys(trigger: WebhookTrigger, vendor: Vendor, delivery: Delivery, parsed: Parsed) -> Mapping[str, float]:
    """Each key with the seconds for which it is remembered."""
    text = payload(delivery) or delivery.body
    body_key = f"{trigger.name}:body:{hashlib.sha256(text).hexdigest()}"
    if vendor.name == GENERIC:
        return _signed_id(trigger, vendor, delivery) or {body_key: WITHOUT_ID}
    identity = vendor.delivery_id(delivery) or parsed.delivery_id
    if identity is None:
        return {body_key: WITHOUT_ID}
    return {f"{trigger.name}:id:{vendor.name}:{identity}": WITH_ID, body_key: WITH_ID}


def _signed_id(trigger: WebhookTrigger, generic: Vendor, delivery: Delivery) -> Mapping[str, float]:
    """The key of an id that the generic rule found to be signed; nothing where there is none."""
    identity = generic.delivery_id(delivery)
    if identity is None or trigger.auth != "signature" or not delivery.header("webhook-signature"):
        return {}
    return {f"{trigger.name}:id:{GENERIC}:{identity}": WITH_ID}


def _without(secrets: tuple[bytes, ...], text: str) -> str:
    """The text for people without a secret that its author put into the delivery itself."""
    for secret in secrets:
        shown = secret.decode("utf-8", "replace")
        text = text.replace(shown, _HIDDEN) if shown else text
    return text
