"""The steps from what is there to what is wanted, for one group: pull, create, stop the old, start the new, gate,
rename, remove the old. All replicas move together, phase by phase.

Nothing remembers how far a plan came: each state between two steps is recognised from names, states and fingerprints,
and the same function then gives the steps that are left. The old container is removed only after the new one has
proved itself, and a name without role suffix is only given after the gate.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agent.core.actions import (
    AwaitHealthy,
    ConnectNetwork,
    CreateContainer,
    CreateNetwork,
    CreateVolume,
    PullImage,
    RemoveContainer,
    RenameContainer,
    StartContainer,
    UnpauseContainer,
    UpdateContainer,
)
from agent.core.container import ContainerSpec
from agent.core.drift import PREDEFINED_NETWORKS, name_drift
from agent.core.kinds import Situation
from agent.core.model import Workload
from agent.core.observed import Role
from agent.core.plan import Step
from agent.core.planning.groups import Group
from agent.core.planning.removal import remove_steps, stop_steps
from agent.core.planning.words import useless
from agent.core.planning.work import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What all groups of one plan share. `names` are all names that the workload's containers have now; `target` is
    what the whole plan aims at.
    """

    workload: Workload
    situation: Situation
    names: frozenset[str]
    target: str


def converge(group: Group, works: Sequence[Work], context: Context, why: str) -> tuple[Step, ...]:
    """All steps that are left for one group; none when it is as wanted."""
    timeout = group.spec.stop_timeout
    new = [work for work in works if work.current is None]
    return (
        *(fetch(group.spec, why, anew=bool(context.situation.redeploy)) if new else ()),
        *(_create(work, group, context, why) for work in new),
        *_demote(works),
        *stop_steps(group.previous, "makes way for the new version", timeout),
        *(step for one in group.stale for step in remove_steps([one], useless(one), timeout)),
        *_mend(works),
        *_start(works, why),
        *_gate(works),
        *_promote(works),
        *remove_steps(group.surplus, f"only {len(group.slots)} wanted", timeout),
        *_replaced(group, works),
    )


def fetch(spec: ContainerSpec, why: str, *, anew: bool = False) -> Iterator[Step]:
    """Everything that a new container needs to be there; `anew` asks the registry for what is there already."""
    if spec.pull != "never":
        always = anew or spec.pull == "always"
        yield Step(PullImage(image=spec.image, registry=spec.registry, platform=spec.platform, always=always), why)
    for network_name in spec.networks:
        if network_name not in PREDEFINED_NETWORKS:
            yield Step(CreateNetwork(name=network_name), f"{spec.workload} joins it")
    for mount in spec.mounts:
        if mount.type == "volume":
            action = CreateVolume(name=mount.source, workload=spec.workload, workload_id=spec.workload_id)
            yield Step(action, f"mounted at {mount.target}")


def _create(work: Work, group: Group, context: Context, why: str) -> Step:
    owner_name = work.spec.network_of
    action = CreateContainer(
        name=work.name,
        spec=work.spec,
        fingerprint=group.fingerprint,
        revision=context.situation.revision,
        role=str(Role.ACTIVE),
        prune=context.workload.prune,
        network_container=context.situation.network_owners[owner_name] if owner_name else None,
    )
    return Step(action, why)


def _demote(works: Sequence[Work]) -> Iterator[Step]:
    for work in works:
        if work.current is not None and work.demoted:
            action = RenameContainer(container=work.current.id, name=work.current.name, new_name=work.name)
            yield Step(action, "stopped, so it has to prove itself again")


def _mend(works: Sequence[Work]) -> Iterator[Step]:
    """Limits and networks, which need no restart."""
    for work in works:
        if work.limits:
            yield Step(_update(work), "; ".join(drift.text for drift in work.limits))
        for network_name in work.networks:
            action = ConnectNetwork(
                container=work.reference, name=work.name, network=network_name, aliases=work.spec.aliases
            )
            yield Step(action, f"network {network_name}: expected connected, found not connected")


def _update(work: Work) -> UpdateContainer:
    return UpdateContainer(
        container=work.reference,
        name=work.name,
        cpu_limit=work.spec.cpu_limit,
        memory_limit=work.spec.memory_limit,
        pids_limit=work.spec.pids_limit,
        restart=work.spec.restart,
    )


def _start(works: Sequence[Work], why: str) -> Iterator[Step]:
    for work in works:
        if work.state is None:
            continue
        cause = work.state.text if work.proven and not work.demoted else why
        if work.current is not None and work.current.state == "paused":
            yield Step(UnpauseContainer(container=work.reference, name=work.name), cause)
        else:
            yield Step(StartContainer(container=work.reference, name=work.name), cause)


def _gate(works: Sequence[Work]) -> Iterator[Step]:
    for work in works:
        if work.gated:
            action = AwaitHealthy(container=work.reference, name=work.name, healthcheck=work.spec.healthcheck)
            yield Step(action, "it counts once it has proved itself")


def _promote(works: Sequence[Work]) -> Iterator[Step]:
    for work in works:
        if work.name != work.final_name:
            action = RenameContainer(container=work.reference, name=work.name, new_name=work.final_name)
            yield Step(action, _why_rename(work))


def _why_rename(work: Work) -> str:
    if work.current is not None and work.proven and not work.demoted:
        return name_drift(work.current, work.final_name).text
    return "proved itself"


def _replaced(group: Group, works: Sequence[Work]) -> list[Step]:
    """Those of another version go last; most were stopped further up."""
    names = ", ".join(work.final_name for work in works)
    return [Step(RemoveContainer(container=one.id, name=one.name), f"replaced by {names}") for one in group.previous]
