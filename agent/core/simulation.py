"""What the engine would hold if a plan had been carried out: lets two commits be compared where no engine is asked."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from agent.core.actions import CreateContainer, RenameContainer
from agent.core.kinds import Situation, SourceKind
from agent.core.model import DesiredState, Workload
from agent.core.observed import ObservedContainer
from agent.core.plan import Plan
from agent.core.planning.absent import plan_removal


def compare(before: DesiredState, after: DesiredState, kinds: Mapping[str, SourceKind]) -> tuple[Plan, ...]:
    """The plans that lead from an engine that is as `before` says to one that is as `after` says, by workload name."""
    old, new = before.by_id(), after.by_id()
    plans: list[Plan] = []
    for workload_id in sorted(set(old) | set(new), key=lambda one: (new.get(one) or old[one]).name):
        observed = _running(old.get(workload_id), before, kinds)
        workload = new.get(workload_id)
        if workload is not None:
            plans.append(_plan(workload, observed, after, kinds))
        elif observed and after.protected.isdisjoint({workload_id, old[workload_id].name}):
            plans.append(plan_removal(observed, complete=after.complete))
    return tuple(plans)


def _running(
    workload: Workload | None, desired: DesiredState, kinds: Mapping[str, SourceKind]
) -> tuple[ObservedContainer, ...]:
    """The containers of a workload that is at rest."""
    if workload is None:
        return ()
    return settled(_plan(workload, (), desired, kinds))


def _plan(
    workload: Workload,
    observed: tuple[ObservedContainer, ...],
    desired: DesiredState,
    kinds: Mapping[str, SourceKind],
) -> Plan:
    """Every secret is taken to exist and to stay as it is: values are not known where no host is asked."""
    kind = kinds[workload.source.kind]
    owners = {name: f"container of {name}" for name in desired.workloads}
    hosts = {one.name: one.host for one in desired.registries.values()}
    situation = Situation(
        revision=desired.revision,
        settings=desired.settings,
        now=0.0,
        secrets=dict.fromkeys(kind.secret_names(workload), "unknown"),
        registry_hosts=hosts,
        network_owners=owners,
    )
    return kind.plan(workload, observed, situation)


def settled(plan: Plan) -> tuple[ObservedContainer, ...]:
    """The containers that a first deploy leaves behind."""
    made: dict[str, ObservedContainer] = {}
    for step in plan.steps:
        match step.action:
            case CreateContainer() as create:
                made[create.name] = _created(create)
            case RenameContainer(name=name, new_name=new_name) if name in made:
                made[new_name] = _renamed(made.pop(name), new_name)
            case _:
                pass
    return tuple(made.values())


def _created(create: CreateContainer) -> ObservedContainer:
    spec = create.spec
    return ObservedContainer(
        id=create.name,
        name=create.name,
        workload=spec.workload,
        workload_id=spec.workload_id,
        fingerprint=create.fingerprint,
        revision=create.revision,
        instance=spec.instance,
        index=spec.index,
        image=spec.image,
        network_container=create.network_container,
        networks=dict.fromkeys(spec.networks, "192.0.2.1"),
        extra={} if create.prune else {"prune": False},
    )


def _renamed(container: ObservedContainer, name: str) -> ObservedContainer:
    return dataclasses.replace(container, name=name)
