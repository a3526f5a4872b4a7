"""Drift: what a container of the right version is, besides what it should be. Each finding carries both in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from agent.core.container import ContainerSpec
from agent.core.observed import ContainerDetail, ObservedContainer

PREDEFINED_NETWORKS = frozenset({"host", "none", "bridge", "default"})
"""Networks that every engine has; they are neither made nor joined later, and know no aliases."""


@dataclass(frozen=True, slots=True)
class Drift:
    """One difference between what is wanted and what was found."""

    subject: str
    expected: str
    found: str

    @property
    def text(self) -> str:
        return f"{self.subject}: expected {self.expected}, found {self.found}"


def state_drift(container: ObservedContainer) -> Drift | None:
    """Whether a container that should run does not. `restarting` is the engine's own repair and no drift."""
    if container.state in ("running", "restarting"):
        return None
    code = (
        f" with code {container.exit_code}" if container.state == "exited" and container.exit_code is not None else ""
    )
    return Drift("state", "running", f"{container.state}{code}")


def name_drift(container: ObservedContainer, wanted: str) -> Drift:
    """A container whose name somebody changed."""
    return Drift("name", wanted, container.name)


def missing_networks(container: ObservedContainer, spec: ContainerSpec) -> tuple[str, ...]:
    """Networks that a running container should be in and is not."""
    if not container.running:
        return ()
    return tuple(name for name in spec.networks if name not in container.networks and name not in PREDEFINED_NETWORKS)


def limit_drifts(container: ObservedContainer, spec: ContainerSpec) -> tuple[Drift, ...]:
    """Limits and restart policy that differ, as far as the container was inspected."""
    return () if container.detail is None else tuple(_limits(container.detail, spec))


def _limits(detail: ContainerDetail, spec: ContainerSpec) -> Iterator[Drift]:
    if (spec.memory_limit or 0) != (detail.memory_limit or 0):
        yield Drift("memory limit", _bytes(spec.memory_limit), _bytes(detail.memory_limit))
    if abs((spec.cpu_limit or 0.0) - (detail.cpu_limit or 0.0)) > 1e-6:
        yield Drift("cpu limit", _number(spec.cpu_limit), _number(detail.cpu_limit))
    if _positive(spec.pids_limit) != _positive(detail.pids_limit):
        yield Drift("pids limit", _number(spec.pids_limit), _number(detail.pids_limit))
    if (spec.restart or "no") != (detail.restart or "no"):
        yield Drift("restart policy", spec.restart or "no", detail.restart or "no")


def _positive(limit: int | None) -> int:
    """The engine says 0 or -1 for unlimited, depending on its version."""
    return max(0, limit or 0)


def _number(limit: float | None) -> str:
    return f"{limit:g}" if limit is not None and limit > 0 else "unlimited"


def _bytes(limit: int | None) -> str:
    if not limit:
        return "unlimited"
    for unit, factor in (("GiB", 1024**3), ("MiB", 1024**2), ("KiB", 1024)):
        if limit % factor == 0:
            return f"{limit // factor}{unit}"
    return f"{limit}B"
