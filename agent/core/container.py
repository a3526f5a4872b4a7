"""One container as we want it: our own model, normalised, and the only thing a fingerprint is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from agent.core.model import HealthCheck, Publish, Value


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Mount:
    """One mount. `type` says what `source` means:

    `bind` a host path as written; `managed` a path below the workload's own folder, which is made when missing and
    found again by workload id; `volume` a named volume; `tmpfs` nothing (source is empty).
    """

    type: str
    source: str
    target: str
    read_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Ulimit:
    """A resource limit of the process, as `ulimit` sets it."""

    name: str
    soft: int
    hard: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerSpec:
    """What one container must be.

    Fields below `index` make the fingerprint; `workload`, `workload_id` and `instance` enter it through
    what they cause (aliases, mounts). `instance` tells versions side by side apart (`tags`), `index` tells replicas
    apart. `network_of` names the workload whose network namespace is joined; then `networks` is empty. `generation` is
    the newest redeploy that was asked for, so that each one is another version.
    """

    workload: str
    workload_id: str
    instance: str = ""
    index: int = 1
    image: str
    registry: str | None = None
    platform: str | None = None
    pull: str = "missing"
    command: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    user: str | None = None
    working_dir: str | None = None
    env: Mapping[str, Value] = field(default_factory=dict)
    mounts: tuple[Mount, ...] = ()
    networks: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    network_of: str | None = None
    publish: tuple[Publish, ...] = ()
    healthcheck: HealthCheck | None = None
    cpu_limit: float | None = None
    memory_limit: int | None = None
    pids_limit: int | None = None
    restart: str = "unless-stopped"
    stop_timeout: float = 10.0
    labels: Mapping[str, str] = field(default_factory=dict)
    read_only: bool = False
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    security_opt: tuple[str, ...] = ()
    extra_hosts: tuple[str, ...] = ()
    ulimits: tuple[Ulimit, ...] = ()
    init: bool = True
    privileged: bool = False
    devices: tuple[str, ...] = ()
    logging: Mapping[str, object] = field(default_factory=dict)
    generation: str = ""
