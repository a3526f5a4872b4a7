"""Azure DevOps service hooks. They sign nothing and have no headers of their own; one push can move several refs.

Its addresses for cloning have no `.git`. Of files it says nothing, and of a tag it tells the object, whatever it is.
"""

from __future__ import annotations

from agent.core.delivery import Delivery, Parsed
from agent.core.inbound import InboundEvent
from agent.core.values import quoted
from agent.core.webhooks.git import Place, commit_of, deleted, is_zero, moved
from agent.core.webhooks.reading import at, read_object, required, required_items, text, word
from agent.core.webhooks.sender import Sender, each, one


def _knows(body: object) -> bool:
    return isinstance(at(body, "eventType"), str) and isinstance(at(body, "publisherId"), str)


def _read(delivery: Delivery) -> Parsed:
    body = read_object(delivery)
    event = required(body, "eventType")
    if event != "git.push":
        return one(f"the event {quoted(event)} announces no new version")
    place = _place(at(body, "resource", "repository"))
    parsed = each(required_items(body, "resource", "refUpdates"), lambda update: _update(place, update))
    return Parsed(parsed.events, parsed.ignored, _id(body))


def _update(place: Place, update: object) -> InboundEvent | str:
    ref, new = required(update, "name"), at(update, "newObjectId")
    return deleted(ref) if is_zero(new) else moved(place, ref, commit_of(new))


def _place(repository: object) -> Place:
    project, name = text(at(repository, "project", "name")), text(at(repository, "name"))
    return Place(f"{project}/{name}" if project and name else None, text(at(repository, "remoteUrl")))


def _id(body: dict[str, object]) -> str | None:
    """The event's id, for each of the subscriptions that tell it."""
    parts = [word(body.get(name)) for name in ("subscriptionId", "id")]
    return "/".join(part for part in parts if part) or None


VENDOR = Sender(name="azure-devops", rank=200, knows_body=_knows, read=_read)
