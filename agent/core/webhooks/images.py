"""Names of images as registries tell them, and the event of one that was pushed.

A name is the registry's host and the path, in lower case; Docker Hub is `docker.io`. Where a sender does not tell its
registry the path stands alone. A tag that is a digest is none, and an empty tag is none.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import urlsplit

from agent.core.delivery import Malformed
from agent.core.inbound import IMAGE_PUSH, InboundEvent
from agent.core.values import DOCKER_HUB, quoted
from agent.core.webhooks.reading import kind_of, text

_HUB_HOSTS = frozenset({DOCKER_HUB, "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"})
_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:]+\])(?::[0-9]{1,5})?")
_PART = r"[a-z0-9]+(?:[._-]+[a-z0-9]+)*"
_PATH = re.compile(rf"{_PART}(?:/{_PART})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"[a-z0-9]+(?:[+._-][a-z0-9]+)*:[A-Za-z0-9=_-]{32,128}")


class Reference(NamedTuple):
    """A reference taken apart: everything before the version, then tag and digest."""

    name: str
    tag: str | None
    digest: str | None


def take_apart(reference: str) -> Reference:
    """Split `NAME[:TAG][@DIGEST]`; a trailing colon is no tag."""
    name, _, digest = reference.partition("@")
    head, slash, last = name.rpartition("/")
    last, _, tag = last.partition(":")
    return Reference(head + slash + last, tag_of(tag), digest_of(digest))


def tag_of(value: object) -> str | None:
    """A tag; None for anything that can be none."""
    found = text(value) or ""
    return found if _TAG.fullmatch(found) else None


def digest_of(value: object) -> str | None:
    """A digest by the grammar of OCI; None for anything else."""
    found = text(value) or ""
    return found if _DIGEST.fullmatch(found) else None


def host_of(address: object) -> str:
    """The host, with its port, of an address with or without scheme; empty where there is none."""
    found = text(address) or ""
    try:
        host = urlsplit(found).netloc if "://" in found else found.partition("/")[0]
    except ValueError:
        return ""
    return host.rpartition("@")[2].lower()


def image_name(host: str, path: str | None) -> str:
    """The normalised name of the image at a path of a registry; raises Malformed where it cannot be one."""
    known, inner = host.lower(), (path or "").strip("/").lower()
    if not _PATH.fullmatch(inner) or (known and not _HOST.fullmatch(known)):
        found = quoted(f"{known}/{inner}") if inner else kind_of(path)
        raise Malformed(f"body: expected the name of an image, found {found}")
    if known in _HUB_HOSTS:
        return f"{DOCKER_HUB}/{inner}" if "/" in inner else f"{DOCKER_HUB}/library/{inner}"
    return f"{known}/{inner}" if known else inner


def hosted_name(reference: str) -> str:
    """The normalised name of `HOST/PATH`."""
    host, slash, path = reference.partition("/")
    return image_name(host, path) if slash else image_name("", host)


def pushed(name: str, tag: str | None, digest: str | None) -> InboundEvent | str:
    """The event of an image; a reason where no version is told."""
    if tag is None and digest is None:
        return f"the push of {name} names neither a tag nor a digest"
    return InboundEvent(type=IMAGE_PUSH, image=name, image_tag=tag, digest=digest)
