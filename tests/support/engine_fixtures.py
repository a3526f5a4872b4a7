"""One real engine under a host name of the test's own, and the removal of exactly what carries that name."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import docker.errors
from support import images

from agent.core.actions import CreateContainer
from agent.core.container import ContainerSpec
from agent.core.policy import HostPolicy
from agent.engine.client import DockerEngine

URL = "unix:///var/run/docker.sock"


@dataclass(frozen=True)
class RealEngine:
    """The engine under test, the bare SDK beside it, and names that no other test uses."""

    engine: DockerEngine
    client: Any
    host: str

    def name(self, suffix: str = "") -> str:
        return f"{self.host}{suffix}"

    def spec(self, **fields: Any) -> ContainerSpec:
        """A container that sleeps, without networks, unless told otherwise."""
        defaults = {"workload": "web", "workload_id": "abcd1234", "image": images.BUSYBOX, "networks": ("none",)}
        return ContainerSpec(**(defaults | fields))

    def action(self, suffix: str = "", *, fingerprint: str = "1:abcdef", **fields: Any) -> CreateContainer:
        """A create action whose container name is unique to the test."""
        return CreateContainer(self.name(suffix), self.spec(**fields), fingerprint, "c0ffee", "active")


def clean(client: Any, host: str) -> None:
    """Remove containers, volumes and networks of one test host, and nothing else."""
    for label in (f"pierhead.host={host}", f"pierhead-test={host}"):
        for one in client.containers(all=True, filters={"label": label}):
            client.remove_container(one["Id"], force=True, v=True)
    for label in (f"pierhead.host={host}", f"pierhead.lease={host}"):
        for one in client.volumes(filters={"label": label})["Volumes"] or ():
            client.remove_volume(one["Name"], force=True)
    for one in client.networks(filters={"label": f"pierhead.host={host}"}):
        client.remove_network(one["Id"])


@contextmanager
def real_engine(volume_dir: Path, policy: HostPolicy | None = None) -> Iterator[RealEngine]:
    """A DockerEngine under a fresh host name; cleaned up whatever happens."""
    client: Any = docker.APIClient(URL, version="auto", timeout=120)
    host = f"t-{uuid.uuid4().hex[:12]}"
    engine = DockerEngine(URL, host, volume_dir, policy or HostPolicy())
    try:
        images.busybox_image(client)
        yield RealEngine(engine, client, host)
    finally:
        engine.close()
        clean(client, host)
        client.close()
