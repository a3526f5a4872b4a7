"""The decision of one pass over one workload: which kind of plan it needs now, and in which words.

In order: suspended, a secret is missing, the joined network is missing, the version failed before, a dependency is not
ready, too many repairs, deploy or repair, and last a restart that was asked for. Whatever withholds a deploy never
withholds starting again what served before; only `retry_at` withholds every step.
"""

from __future__ import annotations

import dataclasses

from agent.core.container import ContainerSpec
from agent.core.fingerprint import combined, fingerprint
from agent.core.kinds import Situation
from agent.core.model import SecretRef, Workload
from agent.core.observed import ObservedContainer
from agent.core.plan import Plan
from agent.core.planning.decision import Decision
from agent.core.planning.deploy import Context
from agent.core.planning.groups import sort_group
from agent.core.planning.leftovers import with_leftovers
from agent.core.planning.restart import restarting
from agent.core.planning.verdicts import decide_group
from agent.core.planning.withheld import no_network, no_secret, suspended, too_early
from agent.core.planning.words import count

Groups = dict[str, tuple[ContainerSpec, ...]]


def plan_containers(
    workload: Workload,
    wanted: tuple[ContainerSpec, ...],
    observed: tuple[ObservedContainer, ...],
    situation: Situation,
) -> Plan:
    """The plan for a workload made of containers; `observed` holds all containers with its id, oldest first."""
    if workload.suspend:
        return _plan(workload, suspended(observed), "")
    missing = sorted({name for spec in wanted for name in secret_names(spec)} - set(situation.secrets))
    if missing:
        return _plan(workload, no_secret(missing, observed, situation), "")
    groups = _grouped(_of_generation(wanted, situation.generation))
    targets = {instance: fingerprint(specs[0], situation.secrets) for instance, specs in groups.items()}
    joined = sorted({spec.network_of for spec in wanted if spec.network_of})
    unjoined = [owner_name for owner_name in joined if owner_name not in situation.network_owners]
    if unjoined:
        return _plan(workload, no_network(unjoined[0], situation), "")
    owners = [situation.network_owners[owner_name] for owner_name in joined]
    target = combined((*targets.values(), *owners)) if targets else ""
    context = Context(
        workload=workload, situation=situation, names=frozenset(one.name for one in observed), target=target
    )
    decisions = [
        decide_group(
            sort_group(specs, targets[instance], [one for one in observed if one.instance == instance], situation),
            context,
        )
        for instance, specs in groups.items()
    ]
    decision = with_leftovers(decisions, [one for one in observed if one.instance not in groups], situation)
    newest = {targets[instance]: specs[0] for instance, specs in groups.items()}
    decision = restarting(decision, observed, newest, situation)
    return _plan(workload, too_early(decision, observed, situation), target)


def secret_names(spec: ContainerSpec) -> frozenset[str]:
    """Names of the secrets that a container's environment needs."""
    return frozenset(value.name for value in spec.env.values() if isinstance(value, SecretRef))


def _of_generation(wanted: tuple[ContainerSpec, ...], generation: str) -> tuple[ContainerSpec, ...]:
    return tuple(dataclasses.replace(spec, generation=generation) for spec in wanted) if generation else wanted


def _grouped(wanted: tuple[ContainerSpec, ...]) -> Groups:
    groups: Groups = {}
    for spec in wanted:
        groups[spec.instance] = (*groups.get(spec.instance, ()), spec)
    return groups


def _plan(workload: Workload, decision: Decision, target: str) -> Plan:
    message = decision.message
    if not message:
        runs = "runs" if decision.containers == 1 else "run"
        message = f"{count(decision.containers)} {runs} as the configuration says"
    return Plan(
        workload=workload.name,
        workload_id=workload.id,
        phase=decision.phase,
        reason=decision.reason,
        message=message,
        steps=decision.steps,
        target=target,
        until=decision.until,
    )
