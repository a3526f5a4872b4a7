"""Bitbucket Cloud. Its header is called as GitHub's old one and holds SHA-256. It lists no files.

One push can move several refs; one that ended has `new` null, and others may follow it. Its own headers of identity
tell it from Bitbucket Server, which names events by the same header.
"""

from __future__ import annotations

from agent.core.delivery import Delivery, Malformed, Parsed
from agent.core.inbound import InboundEvent
from agent.core.values import quoted
from agent.core.webhooks.git import BRANCHES, TAGS, Place, commit_of, deleted, moved
from agent.core.webhooks.proofs import hex_signature
from agent.core.webhooks.reading import at, read_object, required, required_items, text
from agent.core.webhooks.sender import Sender, each, one

EVENT = "x-event-key"

_PREFIXES = {"branch": BRANCHES, "tag": TAGS, "annotated_tag": TAGS}


def _read(delivery: Delivery) -> Parsed:
    event = delivery.header(EVENT)
    if not event:
        raise Malformed(f"headers: expected {EVENT}, found none")
    if event != "repo:push":
        return one(f"the event {quoted(event)} announces no new version")
    body = read_object(delivery)
    place = _place(body)
    return each(required_items(body, "push", "changes"), lambda change: _change(place, change))


def _change(place: Place, change: object) -> InboundEvent | str:
    new = at(change, "new")
    if new is None:
        return deleted(required(change, "old", "name"))
    prefix = _PREFIXES.get(required(new, "type"))
    if prefix is None:
        return "what moved is neither a branch nor a tag"
    return moved(place, prefix + required(new, "name"), commit_of(at(new, "target", "hash")))


def _place(body: dict[str, object]) -> Place:
    """The page of a repository is its address for cloning without the ending."""
    repository = body.get("repository")
    name = text(at(repository, "full_name"))
    page = text(at(repository, "links", "html", "href")) or (f"https://bitbucket.org/{name}" if name else None)
    return Place(name, f"{page}.git" if page else None)


VENDOR = Sender(
    name="bitbucket",
    rank=70,
    marks=(EVENT,),
    signed=hex_signature("x-hub-signature", prefix=b"sha256="),
    ids=("x-request-uuid",),
    read=_read,
)
