"""A stateful Docker Engine in memory: `agent.ports.Engine` as the contract tests prove it on a real one too.

What an image does when started is set by `behaviours`, by its digest or name; what goes wrong is set by `fail`.
Nothing here sleeps.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime

from fakes.clock import FakeClock
from fakes.containers import Behaviour, FakeContainer
from fakes.leases import FakeLeases

from agent.core.actions import CreateContainer, UpdateContainer
from agent.core.container import ContainerSpec
from agent.core.model import HealthCheck
from agent.core.naming import role_of
from agent.core.observed import ContainerDetail, ObservedContainer, Role
from agent.core.reasons import Reason
from agent.errors import PierheadError, Stalled, Transient
from agent.ports import Credentials, EngineEvent, EngineInfo

ENDED = ("exited", "restarting", "dead")


class FakeEngine:
    """Safe from any thread, like the real one. `calls` lists every operation by name, in order."""

    def __init__(self, host: str = "test", clock: FakeClock | None = None) -> None:
        self.host = host
        self.clock = clock or FakeClock()
        self.images: dict[str, str | None] = {}
        self.remote_images: dict[str, str | None] = {}
        self.behaviours: dict[str, Behaviour] = {}
        self.networks: set[str] = {"bridge", "host", "none"}
        self.volumes: dict[str, dict[str, str]] = {}
        self.containers: dict[str, FakeContainer] = {}
        self.calls: list[str] = []
        self.leases = FakeLeases(self.clock)
        self.closed = False
        self._failures: dict[str, list[tuple[int, PierheadError]]] = {}
        self._counts: dict[str, int] = {}
        self._numbers = itertools.count(1)
        self._events: list[EngineEvent] = []
        self._lock = threading.RLock()
        self._check: Callable[[], None] = lambda: None

    # For tests

    def fail(self, operation: str, error: PierheadError, *, at: int = 1) -> None:
        """Let the `at`-th call of an operation from now on raise `error` instead of doing anything."""
        number = self._counts.get(operation, 0) + at
        self._failures.setdefault(operation, []).append((number, error))

    def add_foreign(self, name: str) -> str:
        """A running container that somebody else made."""
        return self._add(
            name, ContainerSpec(workload="", workload_id="", image="other:1"), ours=False, state="running"
        ).id

    def named(self, name: str) -> FakeContainer:
        """The container of that name, whoever made it."""
        return next(one for one in self.containers.values() if one.name == name)

    def names(self) -> dict[str, str]:
        """State by name of all our containers."""
        return {one.name: one.state for one in self.containers.values() if one.ours}

    def pause(self, container: str) -> None:
        self._get(container).state = "paused"
        self._emit("pause", container)

    def kill(self, container: str, code: int = 137) -> None:
        """The process dies."""
        found = self._get(container)
        found.state, found.exit_code, found.finished_at = "exited", code, self._moment()
        self._emit("die", container)

    def disconnect(self, container: str, network: str) -> None:
        self._get(container).networks.pop(network, None)
        self._emit("disconnect", container)

    def probe(self, address: str, check: HealthCheck, abandoned: Callable[[], bool] = lambda: False) -> str | None:
        """`agent.engine.probes.Probe` on this engine's containers."""
        for one in self.containers.values():
            if one.address == address and self._behaviour(one).answers:
                return None
        return f"{address}:{check.port}: Connection refused"

    # agent.ports.Engine

    def guard(self, check: Callable[[], None]) -> None:
        self._check = check

    def info(self) -> EngineInfo:
        self._called("info")
        return EngineInfo(version="fake", api_version="1.41", time=self.clock.now())

    def list_containers(self) -> tuple[ObservedContainer, ...]:
        with self._lock:
            self._called("list_containers")
            return tuple(self._observed(one) for one in self.containers.values() if one.ours)

    def inspect(self, container: str) -> ContainerDetail:
        self._called("inspect")
        one = self._get(container)
        return ContainerDetail(
            memory_limit=one.memory_limit,
            cpu_limit=one.cpu_limit,
            pids_limit=one.pids_limit,
            restart=one.restart,
            oom_killed=one.oom_killed,
            restart_count=one.restart_count,
            exit_code=one.exit_code if one.state in ENDED else None,
            started_at=one.started_at,
            finished_at=one.finished_at,
            image_digest=self.images.get(one.spec.image),
            health_output="it said so" if one.health == "unhealthy" else "",
        )

    def exists(self, container: str) -> ObservedContainer | None:
        self._called("exists")
        found = self._find(container)
        return self._observed(found) if found is not None and found.ours else None

    def address(self, container: str) -> str:
        self._called("address")
        one = self._get(container)
        if one.network_container is not None:
            return self.address(one.network_container)
        if "host" in one.networks:
            return "127.0.0.1"
        if not one.address:
            raise Transient(Reason.ENGINE_ERROR, f"container {one.name} has no address now")
        return one.address

    def pull(self, image: str, platform: str | None, always: bool, credentials: Credentials | None) -> str | None:
        self._called("pull")
        if image in self.images and not always:
            return self.images[image]
        if image not in self.remote_images:
            raise Transient(Reason.IMAGE_NOT_FOUND, f"manifest for {image} not found", retry_after=60.0)
        self.images[image] = self.remote_images[image]
        return self.images[image]

    def create_network(self, name: str) -> None:
        self._changing("create_network")
        self.networks.add(name)

    def create_volume(self, name: str, labels: Mapping[str, str]) -> None:
        self._changing("create_volume")
        self.volumes.setdefault(name, dict(labels))

    def create(self, action: CreateContainer, env: Mapping[str, str]) -> str:
        with self._lock:
            self._changing("create")
            spec = action.spec
            taken = next((one for one in self.containers.values() if one.name == action.name), None)
            if taken is not None:
                if taken.ours and (taken.spec.workload_id, taken.fingerprint) == (spec.workload_id, action.fingerprint):
                    return taken.id
                raise Transient(Reason.NAME_TAKEN, f"container name {action.name} is already in use")
            if spec.image not in self.images:
                raise Transient(Reason.IMAGE_NOT_FOUND, f"No such image: {spec.image}", retry_after=60.0)
            made = self._add(action.name, spec, ours=True)
            made.fingerprint, made.revision, made.prune = action.fingerprint, action.revision, action.prune
            made.network_container = action.network_container if spec.network_of else None
            made.digest = self.images[spec.image]
            made.env, made.role, made.extra = dict(env), action.role, dict(action.extra)
            made.networks = dict.fromkeys(spec.networks, spec.aliases) if spec.network_of is None else {}
            made.cpu_limit, made.memory_limit, made.pids_limit = spec.cpu_limit, spec.memory_limit, spec.pids_limit
            made.restart = spec.restart
            self._emit("create", made.id)
            return made.id

    def start(self, container: str) -> None:
        with self._lock:
            self._changing("start")
            one = self._ours(container)
            if one.state in ("running", "restarting"):
                return
            behaviour = self._behaviour(one)
            self._startable(one, behaviour)
            one.state, one.exit_code, one.health = "running", None, behaviour.health
            one.started_at = self._moment()
            one.oom_killed, one.restart_count = behaviour.oom_killed, behaviour.restarts
            one.lines.extend(behaviour.output)
            self._emit("start", one.id)
            if behaviour.exit_code is not None:
                one.exit_code, one.finished_at = behaviour.exit_code, self._moment()
                one.state = "exited" if one.restart == "no" else "restarting"
                self._emit("die", one.id)

    def _startable(self, one: FakeContainer, behaviour: Behaviour) -> None:
        if one.state == "paused":
            raise Transient(Reason.ENGINE_ERROR, "cannot start a paused container, try unpause instead")
        if behaviour.start_error is not None:
            raise behaviour.start_error
        missing = set(one.networks) - self.networks
        if missing:
            raise Transient(Reason.ENGINE_ERROR, f"network {min(missing)} not found")
        wanted = {(port.host_port, port.protocol) for port in one.spec.publish}
        for other in self.containers.values():
            held = (
                {(port.host_port, port.protocol) for port in other.spec.publish} if other.state == "running" else set()
            )
            for port, _ in wanted & held:
                raise Transient(Reason.PORT_TAKEN, f"host port {port} is taken; container {other.name} publishes it")

    def unpause(self, container: str) -> None:
        self._changing("unpause")
        one = self._ours(container)
        if one.state == "paused":
            one.state = "running"
            self._emit("unpause", one.id)

    def stop(self, container: str, timeout: float) -> None:
        with self._lock:
            self._changing("stop")
            one = self._ours(container, missing_ok=True)
            if one is not None and one.state in ("running", "paused", "restarting"):
                one.state, one.exit_code, one.health = "exited", 143, None
                one.finished_at = self._moment()
                self._emit("die", one.id)

    def rename(self, container: str, new_name: str) -> None:
        with self._lock:
            self._changing("rename")
            one = self._ours(container)
            if any(other.name == new_name and other.id != one.id for other in self.containers.values()):
                raise Transient(Reason.NAME_TAKEN, f"container name {new_name} is already in use")
            one.name = new_name
            self._emit("rename", one.id)

    def update(self, action: UpdateContainer) -> None:
        self._changing("update")
        one = self._ours(action.container)
        one.cpu_limit, one.memory_limit, one.pids_limit = action.cpu_limit, action.memory_limit, action.pids_limit
        one.restart = action.restart or "no"
        self._emit("update", one.id)

    def connect(self, container: str, network: str, aliases: tuple[str, ...]) -> None:
        self._changing("connect")
        one = self._ours(container)
        if network not in self.networks:
            raise Transient(Reason.ENGINE_ERROR, f"network {network} not found")
        one.networks.setdefault(network, aliases)

    def remove(self, container: str) -> None:
        with self._lock:
            self._changing("remove")
            one = self._ours(container, missing_ok=True)
            if one is None:
                return
            if one.state in ("running", "paused", "restarting"):
                raise Transient(Reason.ENGINE_ERROR, "You cannot remove a running container")
            del self.containers[one.id]
            self._emit("destroy", one.id, one.spec.workload_id)

    def logs(self, container: str, tail: int) -> tuple[str, ...]:
        self._called("logs")
        found = self._find(container)
        return tuple(found.lines[-tail:]) if found is not None and tail > 0 else ()

    def follow_logs(self, container: str, tail: int) -> Iterator[str]:
        yield from self.logs(container, tail)

    def events(self, stop: Callable[[], bool]) -> Iterator[EngineEvent]:
        position = len(self._events)
        yield EngineEvent(lost=True)
        pause = threading.Event()
        while not stop():
            fresh, position = self._events[position:], len(self._events)
            yield from fresh
            pause.wait(0.01)

    def close(self) -> None:
        self.closed = True

    # Inside

    def _moment(self) -> str:
        """Now, as the engine writes it."""
        return datetime.fromtimestamp(self.clock.now(), tz=UTC).isoformat()

    def _called(self, operation: str) -> None:
        """Count a call and raise what was ordered for it."""
        with self._lock:
            self.calls.append(operation)
            number = self._counts[operation] = self._counts.get(operation, 0) + 1
            for ordered in self._failures.get(operation, []):
                if ordered[0] == number:
                    raise ordered[1]

    def _changing(self, operation: str) -> None:
        self._check()
        self._called(operation)

    def _add(self, name: str, spec: ContainerSpec, *, ours: bool, state: str = "created") -> FakeContainer:
        number = next(self._numbers)
        made = FakeContainer(id=f"{number:064x}", name=name, ours=ours, spec=spec, state=state, number=number)
        made.created = int(self.clock.now())
        self.containers[made.id] = made
        return made

    def _behaviour(self, one: FakeContainer) -> Behaviour:
        by_name = self.behaviours.get(one.spec.image, Behaviour())
        return self.behaviours.get(one.digest, by_name) if one.digest else by_name

    def _find(self, container: str) -> FakeContainer | None:
        by_name = (one for one in self.containers.values() if one.name == container)
        return self.containers.get(container) or next(by_name, None)

    def _get(self, container: str) -> FakeContainer:
        found = self._find(container)
        if found is None:
            raise Transient(Reason.ENGINE_ERROR, f"container {container} is gone", retry_after=1.0)
        return found

    def _ours(self, container: str, *, missing_ok: bool = False) -> FakeContainer | None:
        found = self._find(container) if missing_ok else self._get(container)
        if found is not None and not found.ours:
            raise Stalled(Reason.NAME_TAKEN, f"container {found.name} was not created by Pierhead for host {self.host}")
        return found

    def _emit(self, action: str, container: str, workload_id: str | None = None) -> None:
        if workload_id is None:
            one = self._get(container)
            if not one.ours:
                return
            workload_id = one.spec.workload_id
        event = EngineEvent(action=action, container_id=container, workload_id=workload_id, time=self.clock.now())
        self._events.append(event)

    def _extra(self, one: FakeContainer) -> dict[str, object]:
        """The additive label."""
        generation = {"generation": one.spec.generation} if one.spec.generation else {}
        common = {"index": one.spec.index, "instance": one.spec.instance, "prune": one.prune}
        return common | dict(one.extra) | generation

    def _observed(self, one: FakeContainer) -> ObservedContainer:
        volumes = sorted({mount.source for mount in one.spec.mounts if mount.source})
        return ObservedContainer(
            id=one.id,
            name=one.name,
            workload=one.spec.workload,
            workload_id=one.spec.workload_id,
            fingerprint=one.fingerprint,
            revision=one.revision,
            role=Role.RUN if one.role == Role.RUN else role_of(one.name),
            instance=one.spec.instance,
            index=one.spec.index,
            state=one.state,
            health=one.health if one.state == "running" else None,
            exit_code=one.exit_code if one.state in ("exited", "restarting") else None,
            image=one.spec.image,
            image_id=f"sha256:{one.spec.image}",
            created=one.created,
            network_container=one.network_container,
            networks=dict.fromkeys(one.networks, one.address),
            volumes=tuple(volumes),
            extra=self._extra(one),
        )
