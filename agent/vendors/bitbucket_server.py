"""Bitbucket Server and Data Center. Signs as Bitbucket Cloud does, but names other events, and lists no files.

Of the addresses for cloning the ssh one comes first; the one over HTTP is meant. What an annotated tag points to is
told by `toCommit` alone, in versions that send it, and by it only where one ref moved.
"""

from __future__ import annotations

from agent.core.delivery import Delivery, Malformed, Parsed
from agent.core.inbound import InboundEvent
from agent.core.values import quoted
from agent.core.webhooks.git import TAGS, Place, commit_of, deleted, is_zero, moved, ping
from agent.core.webhooks.proofs import hex_signature
from agent.core.webhooks.reading import at, items, read_object, required, required_items, text
from agent.core.webhooks.sender import Sender, each, one

EVENT = "x-event-key"

_OF_CLOUD = ("x-hook-uuid", "x-request-uuid")
_EVENTS = ("repo:refs_changed", "repo:modified", "repo:forked", "repo:comment:", "repo:secret_detected")
_GROUPS = ("pr:", "mirror:", "project:", "diagnostics:")


def _knows(delivery: Delivery) -> bool:
    if any(mark in delivery.headers for mark in _OF_CLOUD):
        return False
    return delivery.header(EVENT).startswith(_EVENTS + _GROUPS)


def _read(delivery: Delivery) -> Parsed:
    event = delivery.header(EVENT)
    match event:
        case "":
            raise Malformed(f"headers: expected {EVENT}, found none")
        case "diagnostics:ping":
            return one(ping(Place(None, None)))
        case "repo:refs_changed":
            return _refs_changed(read_object(delivery))
        case _:
            return one(f"the event {quoted(event)} announces no new version")


def _refs_changed(body: dict[str, object]) -> Parsed:
    changes = required_items(body, "changes")
    place = _place(body)
    told = commit_of(at(body, "toCommit", "id")) if len(changes) == 1 else None
    return each(changes, lambda change: _change(place, change, told))


def _change(place: Place, change: object, told: str | None) -> InboundEvent | str:
    ref = text(at(change, "ref", "id")) or required(change, "refId")
    to = at(change, "toHash")
    if at(change, "type") == "DELETE" or is_zero(to):
        return deleted(ref)
    return moved(place, ref, (told if ref.startswith(TAGS) else None) or commit_of(to))


def _place(body: dict[str, object]) -> Place:
    repository = body.get("repository")
    key, slug = text(at(repository, "project", "key")), text(at(repository, "slug"))
    links = items(at(repository, "links", "clone"))
    addresses = (text(at(link, "href")) for link in links if at(link, "name") in ("http", "https"))
    return Place(f"{key}/{slug}" if key and slug else None, next((one for one in addresses if one), None))


VENDOR = Sender(
    name="bitbucket-server",
    rank=60,
    knows_headers=_knows,
    signed=hex_signature("x-hub-signature", prefix=b"sha256="),
    ids=("x-request-id",),
    read=_read,
)
