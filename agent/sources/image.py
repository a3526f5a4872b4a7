"""The `image` kind: one container, or several equal ones, from an image. Everything is carried out as `recreate`."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

from agent.core.container import ContainerSpec
from agent.core.kinds import Finding, Situation, SourceKind
from agent.core.model import DesiredState, HealthCheck, RunSpec, SecretRef, Settings, Workload
from agent.core.observed import ObservedContainer
from agent.core.pins import Pinned, Repin, Version
from agent.core.plan import Plan
from agent.core.planning.decide import plan_containers
from agent.core.policy import HostPolicy
from agent.core.reasons import Reason
from agent.sources.image_check import findings
from agent.sources.image_pins import pinned_of, repin
from agent.sources.image_source import ImageSource, parse_source
from agent.sources.image_spec import containers, image_reference, run_container, source_of

NOT_BLUE_GREEN = "carried out as recreate, for this version does not do blue-green yet"


class ImageKind:
    """Implements `agent.core.kinds.SourceKind`."""

    @property
    def name(self) -> str:
        return "image"

    def parse(self, raw: Mapping[str, object]) -> ImageSource:
        """The normalised source."""
        return parse_source(raw)

    def check(self, workload: Workload, desired: DesiredState, policy: HostPolicy) -> Iterable[Finding]:
        """References, the host's policy, and combinations that cannot work."""
        return findings(workload, desired, policy)

    def summary(self, workload: Workload) -> Mapping[str, str]:
        """Image, version and the few settings that people ask for first."""
        source = source_of(workload)
        words = {
            "image": image_reference(source, {}, source.instances[0]),
            "instances": ", ".join(source.tags[: source.max_instances]),
            "registry": source.registry or "",
            "replicas": str(source.replicas) if source.replicas != 1 else "",
            "port": str(source.port or ""),
            "healthcheck": _healthcheck(source.healthcheck),
        }
        return {name: value for name, value in words.items() if value}

    def secret_names(self, workload: Workload) -> frozenset[str]:
        """Secrets in the environment; a registry's password belongs to pulling, not to the container."""
        return frozenset(value.name for value in workload.env.values() if isinstance(value, SecretRef))

    def dependencies(self, workload: Workload) -> tuple[str, ...]:
        """Workloads that must be ready first, besides `depends_on`: the one whose network is joined."""
        owner_name = source_of(workload).network_of
        return (owner_name,) if owner_name else ()

    def probe(self, workload: Workload) -> HealthCheck | None:
        """The http or tcp check; `command` is the engine's."""
        check = source_of(workload).healthcheck
        return check if check is not None and check.command is None else None

    def pinned(self, workload: Workload, registry_hosts: Mapping[str, str]) -> Pinned:
        """Image and version as the document has them."""
        return pinned_of(source_of(workload), registry_hosts)

    def repin(self, workload: Workload, version: Version, registry_hosts: Mapping[str, str]) -> Repin:
        """The edits that make it another version."""
        return repin(source_of(workload), version, registry_hosts)

    def run_spec(
        self, workload: Workload, run: RunSpec, settings: Settings, registry_hosts: Mapping[str, str]
    ) -> ContainerSpec:
        """The one-off container of a run."""
        return run_container(workload, run, settings, registry_hosts)

    def plan(self, workload: Workload, observed: tuple[ObservedContainer, ...], situation: Situation) -> Plan:
        """The decision of one pass."""
        wanted = containers(workload, situation.settings, situation.registry_hosts)
        plan = plan_containers(workload, wanted, observed, situation)
        if plan.reason is Reason.DEPLOYING and source_of(workload).strategy == "blue-green":
            return dataclasses.replace(plan, message=f"{plan.message} ({NOT_BLUE_GREEN})")
        return plan


def _healthcheck(check: HealthCheck | None) -> str:
    if check is None:
        return ""
    if check.command is not None:
        return "command"
    return f"http :{check.port}{check.http}" if check.http is not None else f"tcp :{check.port}"


KIND: SourceKind = ImageKind()
