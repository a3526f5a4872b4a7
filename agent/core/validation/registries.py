"""Registries that the host allows."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from agent.core.kinds import Finding
from agent.core.model import Registry
from agent.core.policy import HostPolicy
from agent.core.problems import Severity
from agent.core.values import quoted


def registry_allowed(host: str, policy: HostPolicy) -> bool:
    """Whether images may come from a registry host; a glob may leave the port out."""
    names = {host.lower(), host.lower().rpartition(":")[0] or host.lower()}
    return any(fnmatchcase(name, glob.lower()) for name in names for glob in policy.allowed_registries)


def check_registry(registry: Registry, policy: HostPolicy) -> Iterator[Finding]:
    """A registry that is of no use on this host; a warning, as other hosts may allow it."""
    if not registry_allowed(registry.host, policy):
        yield Finding(
            pointer="/host",
            code="RegistryForbiddenByPolicy",
            expected=f"a host that fits one of {', '.join(policy.allowed_registries) or 'no glob at all'}",
            found=quoted(registry.host),
            fix="have it added to `policy.allowed_registries` of the host",
            severity=Severity.WARNING,
        )
