"""The one door to a Docker Engine: `agent.ports.Engine` over the low-level SDK. Each method is one operation; it adds
bounds, ownership and our own errors, and decides nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import docker.errors

from agent.core.actions import CreateContainer, UpdateContainer
from agent.core.moments import epoch
from agent.core.observed import ContainerDetail, ObservedContainer
from agent.core.policy import HostPolicy
from agent.core.reasons import Reason
from agent.engine import observe
from agent.engine.connection import Connection
from agent.engine.events import EventSource, engine_events
from agent.engine.images import Images
from agent.engine.labels import HOST
from agent.engine.lease_volumes import DockerLeases
from agent.engine.operations import Operations, gone
from agent.engine.output import follow_logs, read_logs
from agent.engine.volumes import HostPaths
from agent.errors import Transient
from agent.ports import Credentials, EngineEvent, EngineInfo

MOUNTINFO = Path("/proc/self/mountinfo")
OWN_ID = re.compile(r"/containers/([0-9a-f]{64})/")
JOINS = 3


class DockerEngine:
    """One engine, as one host name sees it: containers of other host names do not exist here. Safe from any thread."""

    def __init__(self, url: str, host: str, volume_dir: Path, policy: HostPolicy) -> None:
        self.host = host
        self.connection = Connection(url)
        self._operations = Operations(self.connection, host)
        self._images = Images(self.connection)
        socket = url.removeprefix("unix://") if self.connection.local else None
        self.leases = DockerLeases(self.connection, host)
        self._paths = HostPaths(volume_dir, policy, socket, lambda: self._shares_files)

    # Looking

    def info(self) -> EngineInfo:
        """Version and clock of the engine; takes some 10 ms, so not for every pass."""
        with self.connection.calling("ask the engine about itself") as client:
            raw: Any = client.info()
            api_version = client.api_version
        return EngineInfo(
            version=str(raw.get("ServerVersion", "")),
            api_version=api_version,
            time=epoch(str(raw.get("SystemTime", ""))),
            swarm=(raw.get("Swarm") or {}).get("LocalNodeState") == "active",
            root=str(raw.get("DockerRootDir", "")),
        )

    def list_containers(self) -> tuple[ObservedContainer, ...]:
        with self.connection.calling("list containers") as client:
            raw: Any = client.containers(all=True, filters={"label": f"{HOST}={self.host}"})
        containers = tuple(observe.observed(one) for one in raw)
        self._operations.seen(containers)
        return containers

    def inspect(self, container: str) -> ContainerDetail:
        raw = self._inspect(container)
        if raw is None:
            raise gone(container)
        return observe.detail(raw, self._images.digest(raw["Config"].get("Image", ""), raw["Image"]))

    def exists(self, container: str) -> ObservedContainer | None:
        """None also for a container that is not ours."""
        raw = self._inspect(container)
        if raw is None or (raw["Config"].get("Labels") or {}).get(HOST) != self.host:
            return None
        return observe.observed_in_detail(raw)

    def address(self, container: str) -> str:
        """An IPv4 address; 127.0.0.1 with the host's network, where an agent in a container needs that network too."""
        for _ in range(JOINS):
            raw = self._inspect(container)
            if raw is None:
                raise gone(container)
            mode = str(raw["HostConfig"].get("NetworkMode", ""))
            if mode == "host":
                return "127.0.0.1"
            if not mode.startswith("container:"):
                return self._reachable(raw)
            container = mode.removeprefix("container:")
        raise Transient(Reason.ENGINE_ERROR, f"container {container[:12]} joins a network that joins another")

    def _reachable(self, raw: Mapping[str, Any]) -> str:
        """Of several addresses, one in a network that the agent's own container is in."""
        addresses = {name: address for name, address in observe.addresses(raw).items() if address}
        shared = [address for name, address in addresses.items() if name in self._own_networks]
        for address in (*shared, *addresses.values()):
            return address
        raise Transient(Reason.ENGINE_ERROR, f"container {raw['Name'].removeprefix('/')} has no address now")

    def logs(self, container: str, tail: int) -> tuple[str, ...]:
        return read_logs(self.connection, container, tail)

    def follow_logs(self, container: str, tail: int) -> Iterator[str]:
        """Until the container ends or 15 minutes have passed, so that a reader who left is not waited for forever."""
        return follow_logs(self.connection, container, tail, lambda: False)

    def events(self, stop: Callable[[], bool]) -> Iterator[EngineEvent]:
        return engine_events(EventSource(self.connection, self.host, self._operations.workload_of), stop)

    # Changing

    def guard(self, check: Callable[[], None]) -> None:
        """Call `check` before every change from now on; what it raises prevents the change."""
        self._operations.allowed = check

    def pull(self, image: str, platform: str | None, always: bool, credentials: Credentials | None) -> str | None:
        return self._images.pull(image, platform, credentials, always=always)

    def create_network(self, name: str) -> None:
        self._operations.create_network(name)

    def create_volume(self, name: str, labels: Mapping[str, str]) -> None:
        self._operations.create_volume(name, labels)

    def create(self, action: CreateContainer, env: Mapping[str, str]) -> str:
        return self._operations.create(action, env, self._paths.resolve(action.spec))

    def start(self, container: str) -> None:
        self._operations.start(container)

    def unpause(self, container: str) -> None:
        self._operations.unpause(container)

    def stop(self, container: str, timeout: float) -> None:
        self._operations.stop(container, timeout)

    def rename(self, container: str, new_name: str) -> None:
        self._operations.rename(container, new_name)

    def update(self, action: UpdateContainer) -> None:
        self._operations.update(action)

    def connect(self, container: str, network: str, aliases: tuple[str, ...]) -> None:
        self._operations.connect(container, network, aliases)

    def remove(self, container: str) -> None:
        self._operations.remove(container)

    def close(self) -> None:
        self.connection.close()

    # The agent's own place

    @cached_property
    def _own_container(self) -> Mapping[str, Any] | None:
        """The container of this engine that the agent runs in, if it does; asked once."""
        found = OWN_ID.search(MOUNTINFO.read_text()) if MOUNTINFO.exists() else None
        return self._inspect(found[1]) if found else None

    @property
    def _shares_files(self) -> bool:
        return self.connection.local and self._own_container is None

    @property
    def _own_networks(self) -> frozenset[str]:
        return frozenset(observe.addresses(self._own_container)) if self._own_container is not None else frozenset()

    def _inspect(self, container: str) -> Mapping[str, Any] | None:
        with self.connection.calling(f"inspect container {container[:12]}") as client:
            try:
                raw: dict[str, Any] = client.inspect_container(container)
            except docker.errors.NotFound:
                return None
        return raw
