"""Everything a plan can ask for: one frozen class per operation on the outside, a closed union.

Containers are named by `container`: the id where it was observed, else the name under which an earlier step of the same
plan creates it. `text` is the one wording used by plans, status, events and the page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from agent.core.container import ContainerSpec
from agent.core.model import HealthCheck


@dataclass(frozen=True, slots=True)
class PullImage:
    """Make the image present. `always` asks the registry also when a local copy exists."""

    image: str
    registry: str | None
    platform: str | None
    always: bool

    @property
    def text(self) -> str:
        return f"pull image {self.image}" + (" (always)" if self.always else "")


@dataclass(frozen=True, slots=True)
class CreateNetwork:
    """Make a bridge network when it is missing; an existing one of that name is used as it is."""

    name: str

    @property
    def text(self) -> str:
        return f"create network {self.name}"


@dataclass(frozen=True, slots=True)
class CreateVolume:
    """Make a named volume when it is missing."""

    name: str
    workload: str
    workload_id: str

    @property
    def text(self) -> str:
        return f"create volume {self.name}"


@dataclass(frozen=True, slots=True)
class CreateContainer:
    """Create, not start. `network_container` is the container whose network is joined where the spec says so.

    `extra` are further entries of the additive label.
    """

    name: str
    spec: ContainerSpec
    fingerprint: str
    revision: str
    role: str
    prune: bool = True
    network_container: str | None = None
    extra: Mapping[str, object] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return f"create container {self.name} from {self.spec.image}"


@dataclass(frozen=True, slots=True)
class StartContainer:
    container: str
    name: str

    @property
    def text(self) -> str:
        return f"start container {self.name}"


@dataclass(frozen=True, slots=True)
class UnpauseContainer:
    container: str
    name: str

    @property
    def text(self) -> str:
        return f"unpause container {self.name}"


@dataclass(frozen=True, slots=True)
class StopContainer:
    """Stop signal, then kill after `timeout` seconds."""

    container: str
    name: str
    timeout: float

    @property
    def text(self) -> str:
        return f"stop container {self.name}"


@dataclass(frozen=True, slots=True)
class AwaitHealthy:
    """The gate: pass when the container proves itself, fail when it exits, loops or runs out of time."""

    container: str
    name: str
    healthcheck: HealthCheck | None

    @property
    def text(self) -> str:
        return f"wait until {self.name} is healthy"


@dataclass(frozen=True, slots=True)
class RenameContainer:
    container: str
    name: str
    new_name: str

    @property
    def text(self) -> str:
        return f"rename container {self.name} to {self.new_name}"


@dataclass(frozen=True, slots=True)
class UpdateContainer:
    """Put resource limits and restart policy back without a restart. None and "" mean unlimited and `no`."""

    container: str
    name: str
    cpu_limit: float | None
    memory_limit: int | None
    pids_limit: int | None
    restart: str

    @property
    def text(self) -> str:
        return f"update limits of container {self.name}"


@dataclass(frozen=True, slots=True)
class ConnectNetwork:
    container: str
    name: str
    network: str
    aliases: tuple[str, ...]

    @property
    def text(self) -> str:
        return f"connect container {self.name} to network {self.network}"


@dataclass(frozen=True, slots=True)
class RemoveContainer:
    """Remove a container; named volumes and host folders stay."""

    container: str
    name: str

    @property
    def text(self) -> str:
        return f"remove container {self.name}"


Action = (
    PullImage
    | CreateNetwork
    | CreateVolume
    | CreateContainer
    | StartContainer
    | UnpauseContainer
    | StopContainer
    | AwaitHealthy
    | RenameContainer
    | UpdateContainer
    | ConnectNetwork
    | RemoveContainer
)
