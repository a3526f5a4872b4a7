"""The notification of a registry: an action on a target, as Docker Distribution tells it and Azure took it over.

Only a manifest that was pushed is an image: layers are announced in the same way.
"""

from __future__ import annotations

from agent.core.inbound import InboundEvent
from agent.core.values import quoted
from agent.core.webhooks.images import digest_of, host_of, image_name, pushed, tag_of
from agent.core.webhooks.reading import at, required, text

_IMAGE_TYPES = ("manifest", "image.index")


def is_target(value: object) -> bool:
    """Whether it has the shape of such a notification."""
    return isinstance(at(value, "action"), str) and isinstance(at(value, "target"), dict)


def read_target(event: object, registry: str = "") -> InboundEvent | str:
    """The event of one notification; `registry` is the host where the notification itself names none."""
    action = required(event, "action")
    if action != "push":
        return f"the action {quoted(action)} pushes no image"
    target = at(event, "target")
    if not _is_manifest(target):
        return "a layer was pushed, not an image"
    host = host_of(at(event, "request", "host")) or registry or host_of(at(target, "url"))
    name = image_name(host, text(at(target, "repository")))
    return pushed(name, tag_of(at(target, "tag")), digest_of(at(target, "digest")))


def _is_manifest(target: object) -> bool:
    media_type = text(at(target, "mediaType")) or ""
    if media_type:
        return any(part in media_type for part in _IMAGE_TYPES)
    return tag_of(at(target, "tag")) is not None or "/manifests/" in (text(at(target, "url")) or "")
