"""What the engine has: one snapshot, taken by one list call. It decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Role(StrEnum):
    """Where in its life a container is. Docker cannot change a label, so the current role is read from the name.

    `RUN` is a one-off container, which has no life beside that: it bears its role as a label.
    """

    ACTIVE = "active"
    CANDIDATE = "candidate"
    RETIRED = "retired"
    RUN = "run"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerDetail:
    """What only an inspection tells; kept per container id until an engine event says it changed.

    `started_at` and `finished_at` are as the engine writes them (RFC 3339).
    """

    memory_limit: int | None = None
    cpu_limit: float | None = None
    pids_limit: int | None = None
    restart: str = ""
    oom_killed: bool = False
    restart_count: int = 0
    exit_code: int | None = None
    started_at: str = ""
    finished_at: str = ""
    image_digest: str | None = None
    error: str = ""
    health_output: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedContainer:
    """One container that carries our labels for this host.

    `state` is the engine's word (created, running, paused, restarting, exited, dead, removing); `health` is None where
    the container has no Docker health check, else starting, healthy or unhealthy. `networks` maps network name to IPv4
    address (empty when not running). `network_container` is the id of the container whose network it joined.
    `volumes` names the volumes and host folders mounted, for the event that says what a removal kept.
    """

    id: str
    name: str
    workload: str
    workload_id: str
    fingerprint: str
    revision: str = ""
    role: Role = Role.ACTIVE
    instance: str = ""
    index: int = 1
    state: str = "running"
    health: str | None = None
    exit_code: int | None = None
    image: str = ""
    image_id: str = ""
    created: int = 0
    network_container: str | None = None
    networks: Mapping[str, str] = field(default_factory=dict)
    volumes: tuple[str, ...] = ()
    extra: Mapping[str, object] = field(default_factory=dict)
    detail: ContainerDetail | None = None

    @property
    def running(self) -> bool:
        return self.state == "running"

    @property
    def generation(self) -> str:
        """The redeploy that made it; empty where none did."""
        return str(self.extra.get("generation", ""))


@dataclass(frozen=True, slots=True)
class ObservedState:
    """All our containers at one moment. `serial` grows by one with every list call; `listed_at` is monotonic
    seconds. A workload's containers are those that run it: one-off containers are asked for apart.
    """

    containers: tuple[ObservedContainer, ...] = ()
    serial: int = 0
    listed_at: float = 0.0

    def of(self, workload_id: str) -> tuple[ObservedContainer, ...]:
        """The containers of one workload, oldest first."""
        return self.grouped().get(workload_id, ())

    def grouped(self) -> dict[str, tuple[ObservedContainer, ...]]:
        """The containers by workload id, each group oldest first; none where only one-off containers are left."""
        found = self._by_workload()
        return {key: tuple(one for one in group if one.role is not Role.RUN) for key, group in found.items()}

    def runs(self) -> dict[str, tuple[ObservedContainer, ...]]:
        """The one-off containers by workload id, oldest first."""
        found = self._by_workload()
        runs = {key: tuple(one for one in group if one.role is Role.RUN) for key, group in found.items()}
        return {key: group for key, group in runs.items() if group}

    def _by_workload(self) -> dict[str, list[ObservedContainer]]:
        groups: dict[str, list[ObservedContainer]] = {}
        for container in sorted(self.containers, key=lambda one: (one.created, one.name)):
            groups.setdefault(container.workload_id, []).append(container)
        return groups
