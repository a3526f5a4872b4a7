"""Each change of the engine as one call that can be repeated: what is already so is a success.

Nothing is stopped, changed or removed that does not carry this host's label; every method that takes a container sees
to that first. An id that was once seen with the label needs no second look, because labels cannot change.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import docker.errors
from docker.api.client import APIClient

from agent.core.actions import CreateContainer, UpdateContainer
from agent.core.container import Mount
from agent.core.observed import ObservedContainer
from agent.core.reasons import Reason
from agent.engine.connection import Connection, checked
from agent.engine.faults import taken_port
from agent.engine.labels import FINGERPRINT, HOST, ID
from agent.engine.translate import BUILT_IN_NETWORKS, create_payload, further_networks, update_payload
from agent.errors import PierheadError, Stalled, Transient

REMOVAL_WAIT = 10.0
FULL_ID = 64


class Operations:
    """The changing half of the engine; safe from any thread."""

    def __init__(self, connection: Connection, host: str) -> None:
        self._connection = connection
        self._host = host
        self._ours: Mapping[str, str] = {}
        self._networks = threading.Lock()
        self._cpus = 0
        self.allowed: Callable[[], None] = lambda: None

    def seen(self, containers: Iterable[ObservedContainer]) -> None:
        """These were listed by this host's label; what is not among them any more is gone."""
        self._ours = {one.id: one.workload_id for one in containers}

    def workload_of(self, container_id: str) -> str | None:
        """The workload id of a container known to be ours."""
        return self._ours.get(container_id)

    def create_network(self, name: str) -> None:
        """A bridge network; the lock is there because the engine would make two of one name."""
        if name in BUILT_IN_NETWORKS:
            return
        self.allowed()
        with self._networks, self._connection.calling() as client:
            if any(one["Name"] == name for one in client.networks(names=[name])):
                return
            try:
                client.create_network(name, driver="bridge", check_duplicate=True, labels={HOST: self._host})
            except docker.errors.APIError as error:
                if error.status_code != 409:
                    raise

    def create_volume(self, name: str, labels: Mapping[str, str]) -> None:
        """A local volume; one that exists is used as it is, whatever its labels."""
        self.allowed()
        with self._connection.calling() as client:
            try:
                client.create_volume(name, labels={**labels, HOST: self._host})
            except docker.errors.APIError as error:
                if error.status_code != 409:
                    raise

    def create(self, action: CreateContainer, env: Mapping[str, str], mounts: tuple[Mount, ...]) -> str:
        """Create and connect; an equal container of that name is completed and its id returned."""
        self.allowed()
        with self._connection.calling() as client:
            sdk: Any = client
            start_interval = _at_least(client.api_version, (1, 44))
            payload = create_payload(action, self._host, env, mounts, start_interval=start_interval)
            try:
                answer = sdk.create_container_from_config(payload, action.name, action.spec.platform)
                container_id = str(answer["Id"])
            except docker.errors.APIError as error:
                existing = self._equal(client, action) if error.status_code == 409 else None
                if existing is None:
                    raise
                container_id = existing
        self._ours = {**self._ours, container_id: action.spec.workload_id}
        for network in further_networks(action.spec):
            self.connect(container_id, network, action.spec.aliases)
        return container_id

    def _equal(self, client: APIClient, action: CreateContainer) -> str | None:
        """The container that has the name, if it is the one we were asked to make."""
        raw: Any = client.inspect_container(action.name)
        labels = raw["Config"].get("Labels") or {}
        expected = (self._host, action.spec.workload_id, action.fingerprint)
        same = (labels.get(HOST), labels.get(ID), labels.get(FINGERPRINT)) == expected
        return str(raw["Id"]) if same else None

    def start(self, container: str) -> None:
        """Start; one that runs is left alone. Who holds a port that is taken is part of the error."""
        self._require_ours(container)
        try:
            with self._connection.calling() as client:
                client.start(container)
        except Transient as fault:
            raise self._with_port_holder(fault) from fault.__cause__

    def _with_port_holder(self, fault: Transient) -> Transient:
        port = taken_port(fault.message) if fault.reason is Reason.PORT_TAKEN else None
        if port is None:
            return fault
        with self._connection.calling("list containers") as client:
            running: list[dict[str, Any]] = client.containers()
        holders = [one for one in running if any(p.get("PublicPort") == port for p in one.get("Ports") or ())]
        names = ", ".join(one["Names"][0].removeprefix("/") for one in holders)
        holder = f"container {names} publishes it" if names else "a program outside Docker listens there"
        return Transient(fault.reason, f"{fault.message}; {holder}", advice=fault.advice, retry_after=fault.retry_after)

    def unpause(self, container: str) -> None:
        """Let go on; one that is not paused is left alone."""
        self._require_ours(container)
        with self._connection.calling() as client:
            try:
                client.unpause(container)
            except docker.errors.APIError as error:
                if "is not paused" not in str(error.explanation):
                    raise

    def stop(self, container: str, timeout: float) -> None:
        """Stop signal, kill after `timeout` seconds; one that does not run or does not exist is stopped already."""
        if not self._require_ours(container, missing_ok=True):
            return
        with self._connection.calling() as client:
            try:
                client.stop(container, timeout=max(1, round(timeout)))
            except docker.errors.NotFound:
                return

    def rename(self, container: str, new_name: str) -> None:
        """Rename; one that has the name already is left alone."""
        self._require_ours(container)
        with self._connection.calling() as client:
            try:
                client.rename(container, new_name)
            except docker.errors.APIError as error:
                raw: Any = client.inspect_container(container)
                if raw["Name"].removeprefix("/") == new_name:
                    return
                raise error from None

    def update(self, action: UpdateContainer) -> None:
        """Put limits and restart policy back, without a restart."""
        self._require_ours(action.container)
        with self._connection.calling() as client:
            self._cpus = self._cpus or int(client.info()["NCPU"])
            url = f"{client.base_url}/v{client.api_version}/containers/{action.container}/update"
            found: Any = client.inspect_container(action.container)
            body = update_payload(action, found["HostConfig"], self._cpus)
            checked(client.post(url, json=body, timeout=client.timeout))

    def connect(self, container: str, network: str, aliases: tuple[str, ...]) -> None:
        """Connect to a network; one that is connected already is left alone."""
        self._require_ours(container)
        named = list(aliases) if network not in BUILT_IN_NETWORKS else None
        with self._connection.calling() as client:
            try:
                client.connect_container_to_network(container, network, aliases=named)
            except docker.errors.APIError as error:
                if "already exists in network" not in str(error.explanation):
                    raise

    def remove(self, container: str) -> None:
        """Remove a container that does not run; its volumes stay, anonymous ones too: data is never deleted."""
        if not self._require_ours(container, missing_ok=True):
            return
        deadline = time.monotonic() + REMOVAL_WAIT
        with self._connection.calling() as client:
            while True:
                try:
                    client.remove_container(container, v=False, force=False)
                except docker.errors.NotFound:
                    return
                except docker.errors.APIError as error:
                    if "already in progress" not in str(error.explanation) or time.monotonic() > deadline:
                        raise
                    time.sleep(0.05)

    def _require_ours(self, container: str, *, missing_ok: bool = False) -> bool:
        """Whether it exists; raises Stalled when it exists and is not ours.

        Every change of a container begins here, so this is also where the lease is looked at.
        """
        self.allowed()
        if container in self._ours:
            return True
        with self._connection.calling() as client:
            try:
                raw: Any = client.inspect_container(container)
            except docker.errors.NotFound as error:
                if missing_ok:
                    return False
                raise gone(container) from error
        labels = raw["Config"].get("Labels") or {}
        if labels.get(HOST) != self._host:
            raise Stalled(
                Reason.NAME_TAKEN,
                f"container {raw['Name'].removeprefix('/')} was not created by Pierhead for host {self._host}",
                advice="Pierhead never changes it; rename it if it is in the way",
            )
        self._ours = {**self._ours, str(raw["Id"]): labels.get(ID, "")}
        return True


def gone(container: str) -> PierheadError:
    """A container that was there when the plan was made is not any more; the next pass sees that."""
    return Transient(Reason.ENGINE_ERROR, f"container {_short(container)} is gone", retry_after=1.0)


def _short(container: str) -> str:
    return container[:12] if len(container) == FULL_ID else container


def _at_least(version: str, wanted: tuple[int, int]) -> bool:
    return tuple(int(part) for part in version.split(".")[:2]) >= wanted
