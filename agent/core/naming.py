"""Names of containers. Docker cannot change a label, but it can rename: so the name tells the current role.

`<workload>[.<instance>].<8 hex of the fingerprint>[-<n>][.<index>][.candidate|.retired]`; `-<n>` only where the plain
name is taken, `.<index>` only for the second replica and on. An active name is only given to a container that has
proved itself, so whoever has one has been healthy.
"""

from __future__ import annotations

import re
from collections.abc import Container

from agent.core.container import ContainerSpec
from agent.core.observed import ObservedContainer, Role

HASH_LENGTH = 8


def short_hash(fingerprint: str) -> str:
    """The part of a fingerprint that stands in names: its first hex digits, without the version."""
    return fingerprint.rpartition(":")[2][:HASH_LENGTH]


def role_of(name: str) -> Role:
    """The role that a name tells; a name without a known suffix is an active one."""
    suffix = name.rpartition(".")[2]
    return Role(suffix) if suffix in (Role.CANDIDATE, Role.RETIRED) else Role.ACTIVE


def container_name(spec: ContainerSpec, fingerprint: str, role: Role, taken: Container[str]) -> str:
    """The name for a container in a role; the first free one."""
    base = _base(spec.workload, spec.instance, fingerprint)
    tail = _tail(spec.index) + ("" if role is Role.ACTIVE else f".{role}")
    name, number = base + tail, 1
    while name in taken:
        number += 1
        name = f"{base}-{number}{tail}"
    return name


def is_own_name(container: ObservedContainer) -> bool:
    """Whether a container still bears a name that we gave it, in whatever role."""
    base = _base(container.workload, container.instance, container.fingerprint)
    pattern = rf"{re.escape(base)}(-\d+)?{re.escape(_tail(container.index))}(\.{Role.CANDIDATE}|\.{Role.RETIRED})?"
    return re.fullmatch(pattern, container.name) is not None


def _base(workload_name: str, instance: str, fingerprint: str) -> str:
    return ".".join(part for part in (workload_name, instance, short_hash(fingerprint)) if part)


def _tail(index: int) -> str:
    return f".{index}" if index > 1 else ""
