"""A tiny engine in memory and a reconcile loop around the planner, to prove what crashes and failures lead to.

The engine refuses what Docker refuses (taken names, taken ports, unknown containers) and knows which containers have
passed a gate (`passed`) and which were given an active name for it (`proven`, for only that outlives a crash). It fails
a test at once when a plan breaks a promise: touching what is not its own, giving an active name to what proved nothing,
or removing the last proven container (unless `accidents` happened, after which it may be one that cannot serve).
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from agent.core.actions import (
    Action,
    AwaitHealthy,
    ConnectNetwork,
    CreateContainer,
    CreateNetwork,
    CreateVolume,
    PullImage,
    RemoveContainer,
    RenameContainer,
    StartContainer,
    StopContainer,
    UnpauseContainer,
    UpdateContainer,
)
from agent.core.container import ContainerSpec
from agent.core.kinds import Situation
from agent.core.model import Settings, Workload
from agent.core.naming import role_of
from agent.core.observed import ContainerDetail, ObservedContainer, ObservedState, Role
from agent.core.plan import Plan, Step
from agent.core.planning.absent import plan_removal
from agent.core.reasons import Reason
from agent.sources.image import KIND

ROUNDS = 40
NUMBER = re.compile(r"(?<=\.[0-9a-f]{8})-\d+")


class StepFailed(Exception):
    """The engine refused, or a container did not prove itself."""


@dataclass
class SimulatedEngine:
    """Containers by id. `bad_images` and `bad_generations` never pass the gate, `unpullable` are in no registry."""

    bad_images: frozenset[str] = frozenset()
    unpullable: frozenset[str] = frozenset()
    containers: dict[str, ObservedContainer] = field(default_factory=dict)
    specs: dict[str, ContainerSpec] = field(default_factory=dict)
    passed: set[str] = field(default_factory=set)
    proven: set[str] = field(default_factory=set)
    removing_all: bool = False
    accidents: bool = False
    bad_generations: frozenset[str] = frozenset()
    now: float = 1000.0
    clock: int = 0

    def add_foreign(self, container_id: str) -> None:
        """A container of somebody else, which no plan may touch."""
        self.specs[container_id] = ContainerSpec(workload="", workload_id="", image="foreign")

    def observed(self) -> ObservedState:
        """One list call."""
        return ObservedState(tuple(self.containers.values()))

    def change(self, container_id: str, **fields: object) -> None:
        """Something happens to a container."""
        self.containers[container_id] = dataclasses.replace(self.containers[container_id], **fields)

    def restart(self) -> None:
        """The engine's own restart policy does its work."""
        for one in self.observed().containers:
            if one.state == "restarting":
                self.change(one.id, state="running")

    def apply(self, action: Action) -> None:  # noqa: C901 - one arm an action
        """Carry out one step, or raise StepFailed."""
        match action:
            case PullImage(image):
                self._require(image not in self.unpullable, f"no image {image}")
            case CreateNetwork() | CreateVolume():
                pass
            case CreateContainer():
                self._create(action)
            case StartContainer(container) | UnpauseContainer(container):
                self._start(self._id(container), action)
            case StopContainer(container):
                self.change(self._id(container), state="exited", exit_code=0)
            case AwaitHealthy(container):
                self._gate(self._id(container))
            case RenameContainer(container, _, new_name):
                self._rename(self._id(container), new_name)
            case UpdateContainer():
                one = self.containers[self._id(action.container)]
                detail = dataclasses.replace(
                    one.detail or ContainerDetail(),
                    memory_limit=action.memory_limit,
                    cpu_limit=action.cpu_limit,
                    pids_limit=action.pids_limit,
                    restart=action.restart,
                )
                self.change(self._id(action.container), detail=detail)
            case ConnectNetwork(container, _, network, _):
                one = self.containers[self._id(container)]
                self.change(one.id, networks={**one.networks, network: "10.0.0.9"})
            case RemoveContainer(container):
                self._remove(self._id(container))

    def _require(self, condition: bool, message: str) -> None:
        if not condition:
            raise StepFailed(message)

    def _id(self, reference: str) -> str:
        if reference in self.containers:
            return reference
        found = [one.id for one in self.containers.values() if one.name == reference]
        assert found, f"a plan speaks of {reference}, which is not there or not ours"
        return found[0]

    def _create(self, action: CreateContainer) -> None:
        assert action.name not in {one.name for one in self.containers.values()}, f"name {action.name} is taken"
        self.clock += 1
        container_id = f"c{self.clock}"
        self.specs[container_id] = action.spec
        self.containers[container_id] = ObservedContainer(
            id=container_id,
            name=action.name,
            workload=action.spec.workload,
            workload_id=action.spec.workload_id,
            fingerprint=action.fingerprint,
            role=role_of(action.name),
            instance=action.spec.instance,
            index=action.spec.index,
            state="created",
            image=action.spec.image,
            created=self.clock,
            network_container=action.network_container,
            networks=dict.fromkeys(action.spec.networks, ""),
            extra={"prune": action.prune, "generation": action.spec.generation},
            detail=ContainerDetail(
                memory_limit=action.spec.memory_limit,
                cpu_limit=action.spec.cpu_limit,
                pids_limit=action.spec.pids_limit,
                restart=action.spec.restart,
            ),
        )

    def _start(self, container_id: str, action: StartContainer | UnpauseContainer) -> None:
        one = self.containers[container_id]
        assert (one.state == "paused") == isinstance(action, UnpauseContainer), f"{action.text} while {one.state}"
        self._require(one.state not in ("dead", "removing"), f"{one.name} is {one.state}")
        joined = one.network_container
        self._require(joined is None or joined in self.containers, "the joined network is gone")
        ports = {publish.host_port for publish in self.specs[container_id].publish}
        for other in self.containers.values():
            if other.id != container_id and other.state in ("running", "paused", "restarting"):
                busy = {publish.host_port for publish in self.specs[other.id].publish}
                assert not ports & busy, f"{one.name} is started while {other.name} holds its port"
        started_at = datetime.fromtimestamp(self.now, tz=UTC).isoformat()
        detail = dataclasses.replace(one.detail or ContainerDetail(), started_at=started_at)
        self.change(container_id, state="running", exit_code=None, detail=detail)

    def _gate(self, container_id: str) -> None:
        self.restart()
        one = self.containers[container_id]
        bad = one.image in self.bad_images or one.generation in self.bad_generations
        if bad or one.state != "running":
            self.change(container_id, state="exited", exit_code=1)
            raise StepFailed(f"{one.name} exited with code 1")
        self.passed.add(container_id)

    def _rename(self, container_id: str, new_name: str) -> None:
        assert new_name not in {one.name for one in self.containers.values()}, f"name {new_name} is taken"
        if role_of(new_name) is Role.ACTIVE:
            assert container_id in self.passed, f"{new_name} has proved nothing"
            self.proven.add(container_id)
        else:
            self.proven.discard(container_id)
        self.change(container_id, name=new_name, role=role_of(new_name))

    def _remove(self, container_id: str) -> None:
        one = self.containers[container_id]
        assert one.state not in ("running", "paused", "restarting"), f"{one.name} is removed while {one.state}"
        del self.containers[container_id]
        if container_id in self.proven and one.state != "dead" and not self.removing_all and not self.accidents:
            rest = [other for other in self.containers.values() if other.id in self.proven]
            joined = one.network_container
            lost = joined is not None and joined not in self.containers
            assert lost or any(other.running for other in rest if other.workload_id == one.workload_id), (
                f"{one.name} was the last proven container, and it was removed"
            )


@dataclass
class World:
    """Desired state, engine and the agent's memory, with a loop like `agent.reconcile`'s."""

    engine: SimulatedEngine = field(default_factory=SimulatedEngine)
    workloads: dict[str, Workload] = field(default_factory=dict)
    quarantine: dict[str, dict[str, str]] = field(default_factory=dict)
    holds: dict[str, tuple[str, float]] = field(default_factory=dict)
    repairs: dict[str, list[float]] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    waiting_for: Mapping[str, str] = field(default_factory=dict)
    generation: str = ""
    restart_at: float | None = None
    now: float = 1000.0

    def commit(self, *workloads: Workload) -> None:
        """The desired state is exactly these workloads."""
        self.workloads = {one.id: one for one in workloads}

    def plan(self, workload_id: str) -> Plan | None:
        """The decision for one workload; None when there is nothing to say."""
        observed = self.engine.observed().of(workload_id)
        workload = self.workloads.get(workload_id)
        self.engine.removing_all = workload is None or workload.source.replicas == 0  # type: ignore[attr-defined]
        if workload is None:
            return plan_removal(observed) if observed else None
        plan = KIND.plan(workload, observed, self.situation(workload_id))
        if plan.target:
            known = self.quarantine.get(workload_id, {})
            self.quarantine[workload_id] = {key: why for key, why in known.items() if key == plan.target}
        return plan

    def situation(self, workload_id: str) -> Situation:
        """As the agent would put it together."""
        owners = {
            one.workload: one.id for one in self.engine.containers.values() if one.running and one.role is Role.ACTIVE
        }
        failed = dict(self.quarantine.get(workload_id, {}))
        held = self.holds.get(workload_id)
        if held is not None and held[1] > self.now:
            failed.setdefault(held[0], "held")
        return Situation(
            revision="r1",
            settings=Settings(),
            now=self.now,
            secrets=self.secrets,
            quarantined=failed,
            waiting_for=self.waiting_for,
            network_owners=owners,
            repairs=tuple(self.repairs.get(workload_id, ())),
            generation=self.generation,
            redeploy="redeploy asked for" if self.generation else "",
            restart_at=self.restart_at,
            restart="restart asked for",
        )

    def run(self, plan: Plan, steps: int | None = None) -> bool:
        """Carry out a plan, only its first `steps` when the agent crashes there; False when a step failed."""
        if plan.reason is Reason.REPAIRING:
            self.repairs.setdefault(plan.workload_id, []).append(self.now)
        self.engine.now = self.now
        for step in plan.steps[:steps]:
            try:
                self.engine.apply(step.action)
            except StepFailed as error:
                self._failed(plan, step, str(error))
                return False
        return True

    def _failed(self, plan: Plan, step: Step, why: str) -> None:
        if plan.reason in (Reason.DEPLOYING, Reason.ROLLING_BACK) and plan.target:
            self.quarantine.setdefault(plan.workload_id, {})[plan.target] = f"{step.action.text}: {why}"
        else:
            self.holds[plan.workload_id] = (plan.target, self.now + 5)

    def settle(self) -> list[Plan]:
        """Let the agent work, and time pass, until nothing is left to do; the last plan of each workload."""
        for _ in range(ROUNDS):
            self.engine.restart()
            ids = sorted({*self.workloads, *(one.workload_id for one in self.engine.containers.values())})
            plans = [plan for workload_id in ids if (plan := self.plan(workload_id)) is not None]
            if all(plan.empty and plan.until is None for plan in plans):
                return plans
            for plan in plans:
                self.run(plan)
            self.now += 400.0
        raise AssertionError("not at rest: " + "; ".join(plan.text for plan in plans))

    def state(self) -> list[tuple[str, str, str]]:
        """What is there, comparable between runs: names without number for a taken name, images and states."""
        return sorted((NUMBER.sub("", one.name), one.image, one.state) for one in self.engine.containers.values())
