"""Gitea and what came of it, Forgejo, and what it came of, Gogs: one set of headers under three names.

All of them sign the JSON text, of a form too, and call their events alike. What differs is said where the vendor is put
together: its headers, and whether a new tag is announced by `create` alone.
"""

from __future__ import annotations

from collections.abc import Callable

from agent.core.delivery import Delivery, Malformed, Parsed
from agent.core.inbound import InboundEvent
from agent.core.values import quoted
from agent.core.webhooks.git import TAGS, commit_of, full_ref, moved
from agent.core.webhooks.hub import place_of, read_push
from agent.core.webhooks.images import digest_of, host_of, image_name, pushed, tag_of
from agent.core.webhooks.proofs import hex_signature
from agent.core.webhooks.reading import at, payload, read_object, required, text
from agent.core.webhooks.sender import Sender, one


def gitea_like(name: str, rank: int, *, creates_tags: bool = False) -> Sender:
    """The vendor whose headers begin with its name. With `creates_tags` no push follows the `create` of a tag."""
    prefix = f"x-{name}"
    return Sender(
        name=name,
        rank=rank,
        marks=(f"{prefix}-event", f"{prefix}-delivery"),
        signed=hex_signature(f"{prefix}-signature", covers=payload),
        ids=(f"{prefix}-delivery",),
        read=_reader(f"{prefix}-event", creates_tags=creates_tags),
    )


def _reader(event_header: str, *, creates_tags: bool) -> Callable[[Delivery], Parsed]:
    def read(delivery: Delivery) -> Parsed:
        event = delivery.header(event_header)
        match event:
            case "":
                raise Malformed(f"headers: expected {event_header}, found none")
            case "push":
                return read_push(read_object(delivery))
            case "package":
                return one(_package(read_object(delivery)))
            case "create" if creates_tags:
                return one(_created(read_object(delivery)))
            case "create":
                return one("a push tells the same with more detail")
            case _:
                return one(f"the event {quoted(event)} announces no new version")

    return read


def _created(body: dict[str, object]) -> InboundEvent | str:
    if body.get("ref_type") != "tag":
        return "a push tells the same with more detail"
    return moved(place_of(body), full_ref(required(body, "ref"), TAGS), commit_of(body.get("sha")))


def _package(body: dict[str, object]) -> InboundEvent | str:
    """The package registry belongs to the forge: its host is that of the package's page."""
    package = body.get("package")
    if text(at(package, "type")) != "container" or body.get("action") != "created":
        return "the package is no container image, or it was not created"
    owner = text(at(package, "owner", "login")) or text(at(package, "owner", "username"))
    path = f"{owner or ''}/{required(package, 'name')}"
    version = text(at(package, "version")) or ""
    return pushed(image_name(host_of(at(package, "html_url")), path), *_version(version))


def _version(version: str) -> tuple[str | None, str | None]:
    """Tag and digest: a manifest without a tag has its digest for a version."""
    return tag_of(version), digest_of(version)
