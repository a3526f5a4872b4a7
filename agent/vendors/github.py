"""GitHub, and its container registry. Signs the raw body, of a form too; the SHA-1 header of old is refused.

A container package tells its tag and its reference in several places that contradict each other: `package_url` has the
image, `container_metadata.tag.name` the tag, `version` the digest. A version without a tag is no news.
"""

from __future__ import annotations

from agent.core.delivery import Delivery, Malformed, Parsed
from agent.core.inbound import InboundEvent
from agent.core.values import quoted
from agent.core.webhooks.git import ping
from agent.core.webhooks.hub import place_of, read_push
from agent.core.webhooks.images import Reference, digest_of, hosted_name, image_name, pushed, tag_of, take_apart
from agent.core.webhooks.proofs import hex_signature
from agent.core.webhooks.reading import as_object, at, read_object, text
from agent.core.webhooks.sender import Sender, one

EVENT = "x-github-event"
REGISTRY = "ghcr.io"

_CONTAINERS = frozenset({"container", "docker"})
_NEW_VERSION = frozenset({"published", "updated"})


def _read(delivery: Delivery) -> Parsed:
    event = delivery.header(EVENT)
    match event:
        case "":
            raise Malformed(f"headers: expected {EVENT}, found none")
        case "ping":
            return one(ping(place_of(read_object(delivery))))
        case "push":
            return read_push(read_object(delivery))
        case "package" | "registry_package":
            return one(_package(read_object(delivery), event))
        case "create":
            return one("a push tells the same with more detail")
        case _:
            return one(f"the event {quoted(event)} announces no new version")


def _package(body: dict[str, object], name: str) -> InboundEvent | str:
    package = as_object(body.get(name), name)
    if text(body.get("action")) not in _NEW_VERSION:
        return "no version was published"
    kinds = (at(package, "package_type"), at(package, "ecosystem"), at(package, "registry", "type"))
    if not any((text(kind) or "").lower() in _CONTAINERS for kind in kinds):
        return "the package is no container image"
    version = at(package, "package_version")
    reference = take_apart(text(at(version, "package_url")) or "")
    tag = _tag(version, reference)
    if tag is None:
        return "the version has no tag"
    digest = digest_of(at(version, "version")) or digest_of(at(version, "container_metadata", "tag", "digest"))
    return pushed(_image(package, reference), tag, digest)


def _tag(version: object, reference: Reference) -> str | None:
    """The tag by which it was pushed; packages of the registry before GHCR have it for a version."""
    metadata = at(version, "container_metadata")
    named = tag_of(at(metadata, "tag", "name")) or reference.tag
    return named if named or metadata is not None else tag_of(at(version, "version"))


def _image(package: object, reference: Reference) -> str:
    if "/" in reference.name:
        return hosted_name(reference.name)
    namespace, name = text(at(package, "namespace")), text(at(package, "name"))
    return image_name(REGISTRY, f"{namespace or ''}/{name or ''}")


VENDOR = Sender(
    name="github",
    rank=40,
    marks=(EVENT, "x-github-delivery"),
    signed=hex_signature("x-hub-signature-256", prefix=b"sha256="),
    ids=("x-github-delivery",),
    read=_read,
)
