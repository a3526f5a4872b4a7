"""Harbor, in its own format and as CloudEvents, structured or binary. The secret stands in `Authorization` as typed.

Of a push without a tag the digest stands where the tag would. Pulls have the same shape, and deploying pulls.
"""

from __future__ import annotations

from agent.core.delivery import Delivery, Parsed
from agent.core.inbound import InboundEvent
from agent.core.values import quoted
from agent.core.webhooks.images import digest_of, hosted_name, image_name, pushed, tag_of, take_apart
from agent.core.webhooks.reading import at, read_object, required, required_items, text
from agent.core.webhooks.sender import Sender, each, one

CLOUD_TYPE, CLOUD_ID = "ce-type", "ce-id"

_PUSHES = frozenset({"PUSH_ARTIFACT", "pushImage", "harbor.artifact.pushed"})
_CLOUD_PREFIX = "harbor."


def _knows_headers(delivery: Delivery) -> bool:
    return delivery.header(CLOUD_TYPE).startswith(_CLOUD_PREFIX)


def _knows_body(body: object) -> bool:
    kind = text(at(body, "type")) or ""
    cloud = kind.startswith(_CLOUD_PREFIX) and isinstance(at(body, "specversion"), str)
    return cloud or isinstance(at(body, "event_data"), dict)


def _read(delivery: Delivery) -> Parsed:
    body = read_object(delivery)
    if _knows_headers(delivery):
        return _event(delivery.header(CLOUD_TYPE), body, text(delivery.header(CLOUD_ID)))
    kind = required(body, "type")
    if kind.startswith(_CLOUD_PREFIX):
        return _event(kind, body.get("data"), text(body.get("id")))
    return _event(kind, body.get("event_data"), None)


def _event(kind: str, data: object, identity: str | None) -> Parsed:
    if kind not in _PUSHES:
        return one(f"the event {quoted(kind)} pushes no image")
    path = text(at(data, "repository", "repo_full_name"))
    parsed = each(required_items(data, "resources"), lambda resource: _resource(resource, path))
    return Parsed(parsed.events, parsed.ignored, identity)


def _resource(resource: object, path: str | None) -> InboundEvent | str:
    reference = text(at(resource, "resource_url"))
    name = hosted_name(take_apart(reference).name) if reference else image_name("", path)
    return pushed(name, tag_of(at(resource, "tag")), digest_of(at(resource, "digest")))


VENDOR = Sender(name="harbor", rank=110, knows_headers=_knows_headers, knows_body=_knows_body, read=_read)
