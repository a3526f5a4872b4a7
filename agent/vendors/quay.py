"""Quay. It signs nothing, has no headers of its own and tells no digest; one push can set several tags."""

from __future__ import annotations

from agent.core.delivery import Delivery, Parsed
from agent.core.inbound import InboundEvent
from agent.core.webhooks.images import hosted_name, pushed, tag_of
from agent.core.webhooks.reading import at, items, read_object, required
from agent.core.webhooks.sender import Sender, each, one


def _knows(body: object) -> bool:
    return isinstance(at(body, "docker_url"), str) and isinstance(at(body, "namespace"), str)


def _read(delivery: Delivery) -> Parsed:
    body = read_object(delivery)
    name = hosted_name(required(body, "docker_url"))
    tags = body.get("updated_tags")
    if not tags:
        return one("no tag was pushed")

    def read(tag: object) -> InboundEvent | str:
        return pushed(name, tag_of(tag), None)

    return each(list(tags) if isinstance(tags, dict) else items(tags), read)


VENDOR = Sender(name="quay", rank=220, knows_body=_knows, read=_read)
