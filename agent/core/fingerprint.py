"""The fingerprint of a container: a versioned hash of what we want it to be, and of nothing else.

It is made of our own model's fields. A field at its default is left out, so a field added later changes nothing; the
order of mappings and of lists whose order means nothing is normalised; a secret enters by its keyed digest. What does
not change the container (which replica it is, how the image is fetched) is left out. Changing any of this redeploys
everything everywhere: a new version prefix is then due, and a test pins the present one.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping

from agent.core.container import ContainerSpec
from agent.core.model import SecretRef

VERSION = "1"
HEX_DIGITS = 32

NOT_EFFECTIVE = frozenset({"workload", "workload_id", "instance", "index", "pull", "registry"})
"""Fields that do not change the container; name, id and instance of the workload enter through aliases and mounts."""

UNORDERED = frozenset(
    {"aliases", "cap_add", "cap_drop", "devices", "mounts", "networks", "publish", "security_opt", "ulimits"}
)
"""Lists whose order means nothing to the engine."""


def fingerprint(spec: ContainerSpec, secret_digests: Mapping[str, str]) -> str:
    """`1:` and 32 hex digits. Raises KeyError where a secret that the spec needs has no digest."""
    return _hash(canonical(spec, secret_digests))


def combined(parts: tuple[str, ...]) -> str:
    """What one plan aims at, by which failures are remembered: the only fingerprint, else a hash of all parts.

    Parts are the fingerprints of versions side by side and the ids of containers whose network is joined, so that a
    failure to join a container that is gone does not count against its successor.
    """
    return parts[0] if len(parts) == 1 else _hash(list(parts))


def canonical(spec: ContainerSpec, secret_digests: Mapping[str, str]) -> dict[str, object]:
    """The effective fields of a spec that are not at their default, as plain JSON values."""
    fields: dict[str, object] = {}
    for field_name, value in _set_fields(spec).items():
        if field_name in NOT_EFFECTIVE:
            continue
        plain = _plain(value, secret_digests)
        fields[field_name] = sorted(plain, key=_text) if field_name in UNORDERED and isinstance(plain, list) else plain
    return fields


def _hash(value: object) -> str:
    return f"{VERSION}:{hashlib.sha256(_text(value).encode()).hexdigest()[:HEX_DIGITS]}"


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def _set_fields(value: object) -> dict[str, object]:
    """The fields of a dataclass value that differ from their default."""
    found = {}
    for field in dataclasses.fields(value):  # type: ignore[arg-type] # callers pass dataclass values only
        current = getattr(value, field.name)
        default = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
        if current != default:
            found[field.name] = current
    return found


def _plain(value: object, secret_digests: Mapping[str, str]) -> object:
    if isinstance(value, SecretRef):
        return {"secret": secret_digests[value.name]}
    if isinstance(value, Mapping):
        return {str(key): _plain(item, secret_digests) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, secret_digests) for item in value]
    if dataclasses.is_dataclass(value):
        return {name: _plain(item, secret_digests) for name, item in _set_fields(value).items()}
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
