"""Docker Hub. It signs nothing, has no headers of its own and tells no digest.

`push_data.images` are ids of layers. `callback_url` is for chains of webhooks and is never called.
"""

from __future__ import annotations

from agent.core.delivery import Delivery, Parsed
from agent.core.values import DOCKER_HUB
from agent.core.webhooks.images import image_name, pushed, tag_of
from agent.core.webhooks.reading import at, read_object, required, word
from agent.core.webhooks.sender import Sender, one


def _knows(body: object) -> bool:
    return isinstance(at(body, "push_data"), dict) and isinstance(at(body, "repository", "repo_name"), str)


def _read(delivery: Delivery) -> Parsed:
    body = read_object(delivery)
    name = image_name(DOCKER_HUB, required(body, "repository", "repo_name"))
    tag = tag_of(at(body, "push_data", "tag"))
    parsed = one(pushed(name, tag, None))
    at_time = word(at(body, "push_data", "pushed_at"))
    return Parsed(parsed.events, parsed.ignored, f"{name}:{tag}@{at_time}" if tag and at_time else None)


VENDOR = Sender(name="dockerhub", rank=210, knows_body=_knows, read=_read)
