"""What the host allows: set beside the engine, never in the config repository."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class HostPolicy:
    """Limits that those who can push cannot widen. `allowed_registries` holds globs over registry host names."""

    allowed_volume_paths: tuple[str, ...] = ()
    allowed_registries: tuple[str, ...] = ("*",)
    privileged: bool = False
    host_network: bool = False
    docker_socket: bool = False
    devices: bool = False
    cap_add: tuple[str, ...] = field(default=())
