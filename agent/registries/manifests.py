"""What manifests say: which image an index holds for a platform, and when an image was made. Pure.

Documents come from outside and may be anything: what is not as it should be counts as not there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agent.core.moments import epoch

INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
ACCEPT = ", ".join((*INDEXES, *MANIFESTS))

_CREATED = "org.opencontainers.image.created"
_REFERENCE = "vnd.docker.reference.type"
_DIGEST = re.compile(r"sha(?:256:[0-9a-f]{64}|512:[0-9a-f]{128})")
PINNABLE = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Child:
    """The manifest of one platform inside an index."""

    digest: str


@dataclass(frozen=True, slots=True)
class ConfigBlob:
    """The configuration of an image, which says when it was made; `otherwise` is the time if it does not."""

    digest: str
    otherwise: float


def decode(body: bytes) -> Mapping[str, Any]:
    """A JSON object; an empty one for anything else."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def where_created(manifest: Mapping[str, Any], platform: str | None = None) -> Child | ConfigBlob | float:
    """Where the time of creation stands, or the time itself: epoch seconds, 0 where nothing says it."""
    annotated = _time(_mapping(manifest.get("annotations")).get(_CREATED))
    if isinstance(manifest.get("manifests"), list):
        child = _child(manifest["manifests"], platform)
        return child if child is not None else annotated
    digest = _digest(_mapping(manifest.get("config")))
    if digest:
        return ConfigBlob(digest, annotated)
    return annotated or _from_history(manifest.get("history"))


def created_of(config: Mapping[str, Any]) -> float:
    """The time in an image's configuration; 0 where it does not say."""
    return _time(config.get("created"))


def _child(entries: list[Any], platform: str | None) -> Child | None:
    """The image for a platform, else the first; attestations and signatures are none."""
    images = [entry for entry in map(_mapping, entries) if _digest(entry) and not _is_attestation(entry)]
    fitting = [entry for entry in images if platform is not None and _fits(_mapping(entry.get("platform")), platform)]
    chosen = next(iter(fitting or images), None)
    return Child(_digest(chosen)) if chosen is not None else None


def _is_attestation(entry: Mapping[str, Any]) -> bool:
    known = _mapping(entry.get("platform"))
    return _REFERENCE in _mapping(entry.get("annotations")) or "unknown" in (known.get("os"), known.get("architecture"))


def _fits(known: Mapping[str, Any], platform: str) -> bool:
    """Whether an entry's platform is `os/architecture[/variant]`; who names no variant takes any."""
    words = platform.split("/")
    return [known.get(name) for name in ("os", "architecture", "variant")][: len(words)] == words


def _from_history(history: object) -> float:
    """Manifests of the first generation keep each layer's configuration as text, the newest first."""
    newest = _mapping(history[0]).get("v1Compatibility") if isinstance(history, list) and history else None
    return _time(decode(newest.encode(errors="replace")).get("created")) if isinstance(newest, str) else 0.0


def _digest(entry: Mapping[str, Any]) -> str:
    digest = entry.get("digest")
    return digest if isinstance(digest, str) and _DIGEST.fullmatch(digest) else ""


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _time(value: object) -> float:
    try:
        return max(epoch(value), 0.0) if isinstance(value, str) else 0.0
    except (ValueError, OverflowError):
        return 0.0
