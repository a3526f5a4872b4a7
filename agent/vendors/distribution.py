"""Docker Distribution, the registry that others are built on. One envelope holds events that need not belong together.

It delivers in order and repeats for ever what is refused: an event that means nothing here hides no other.
"""

from __future__ import annotations

import hashlib

from agent.core.delivery import Delivery, Parsed
from agent.core.webhooks.reading import at, items, read_object, required_items, text
from agent.core.webhooks.sender import Sender, each
from agent.core.webhooks.targets import is_target, read_target

_CONTENT_TYPE = "application/vnd.docker.distribution.events."


def _knows_headers(delivery: Delivery) -> bool:
    return delivery.header("content-type").lower().startswith(_CONTENT_TYPE)


def _knows_body(body: object) -> bool:
    return any(is_target(event) for event in items(at(body, "events"))[:1])


def _read(delivery: Delivery) -> Parsed:
    events = required_items(read_object(delivery), "events")
    parsed = each(events, read_target)
    return Parsed(parsed.events, parsed.ignored, _id([text(at(event, "id")) for event in events]))


def _id(ids: list[str | None]) -> str | None:
    """The id of the event, or of all of them together; None where one has none."""
    known = [one for one in ids if one]
    if not known or len(known) < len(ids):
        return None
    return known[0] if len(known) == 1 else hashlib.sha256("\n".join(known).encode()).hexdigest()


VENDOR = Sender(name="distribution", rank=100, knows_headers=_knows_headers, knows_body=_knows_body, read=_read)
