"""Sonatype Nexus 3. It has nothing but HMAC-SHA1, so it alone may use it.

It tells the name of its repository but not under which host that is reached: the image is the path alone. A component
is an image with its tag; an asset is one where it is a manifest.
"""

from __future__ import annotations

import re

from agent.core.delivery import Delivery, Malformed, Parsed
from agent.core.inbound import InboundEvent
from agent.core.webhooks.images import digest_of, image_name, pushed, tag_of
from agent.core.webhooks.proofs import hex_signature
from agent.core.webhooks.reading import as_object, at, read_object, required, text
from agent.core.webhooks.sender import Sender, one

_ID = "x-nexus-webhook-id"
_SIGNATURE = "x-nexus-webhook-signature"
_DELIVERY = "x-nexus-webhook-delivery"

_NEW_VERSION = frozenset({"CREATED", "UPDATED"})
_MANIFEST = re.compile(r"/?v2/(?P<path>.+)/manifests/(?P<version>[^/]+)")


def _knows(body: object) -> bool:
    return isinstance(at(body, "nodeId"), str) and isinstance(at(body, "initiator"), str)


def _read(delivery: Delivery) -> Parsed:
    body = read_object(delivery)
    if "component" not in body and "asset" not in body:
        if "nodeId" not in body:
            raise Malformed("body: expected nodeId, as Nexus sends it, found nothing")
        return one("neither a component nor an asset changed")
    return one(_changed(body))


def _changed(body: dict[str, object]) -> InboundEvent | str:
    thing = as_object(body.get("component", body.get("asset")), "component or asset")
    if (text(body.get("action")) or "").upper() not in _NEW_VERSION:
        return "no image was pushed"
    if text(thing.get("format")) != "docker":
        return "what changed is no container image"
    if "component" in body:
        return _version(text(thing.get("group")), required(thing, "name"), required(thing, "version"))
    manifest = _MANIFEST.fullmatch(required(thing, "name"))
    return _version(None, manifest["path"], manifest["version"]) if manifest else "a layer was pushed, not an image"


def _version(group: str | None, name: str, version: str) -> InboundEvent | str:
    path = f"{group}/{name}" if group and not name.startswith(f"{group}/") else name
    return pushed(image_name("", path), tag_of(version), digest_of(version))


VENDOR = Sender(
    name="nexus",
    rank=80,
    marks=(_ID, _DELIVERY),
    knows_body=_knows,
    signed=hex_signature(_SIGNATURE, algorithm="sha1"),
    ids=(_DELIVERY,),
    read=_read,
)
