"""What a source kind must offer. A kind is one file in `agent/sources/` with a `KIND` object; all of it is pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from agent.core.container import ContainerSpec
from agent.core.model import DesiredState, HealthCheck, RunSpec, Settings, Source, Workload
from agent.core.observed import ObservedContainer
from agent.core.pins import Pinned, Repin, Version
from agent.core.plan import Plan
from agent.core.policy import HostPolicy
from agent.core.problems import Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A problem before it has a place: `pointer` (`/source/port`) leads to file, line and column."""

    pointer: str
    code: str
    expected: str
    found: str
    fix: str
    severity: Severity = Severity.ERROR


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """Everything besides the workload and its containers that its plan depends on.

    `secrets` maps secret names to keyed digests; a name that is missing cannot be resolved. `quarantined` maps
    fingerprints to the reason for which they failed. `waiting_for` maps dependencies that are not ready to what they
    are in. `network_owners` maps workload names to the id of their running active container. `repairs` holds the times
    (epoch seconds) of recent repairs. `retry_at` is the time before which nothing at all is tried again, going back to
    the previous version included. `unhealthy` maps container ids to why the agent's own checks fail; `deployed` is the
    target that was last known to be complete, so that its loss is told from a first deploy.

    `generation` is the newest redeploy that was asked for, whenever that was; while it is not complete, `redeploy` says
    who asked for it and why. `restart_at` is the time (epoch seconds) from which on containers must have been started,
    and `restart` who asked for that and why.

    Two situations are equal when nothing but the time (`now`) tells them apart.
    """

    revision: str
    settings: Settings
    now: float = field(compare=False)
    secrets: Mapping[str, str] = field(default_factory=dict)
    registry_hosts: Mapping[str, str] = field(default_factory=dict)
    quarantined: Mapping[str, str] = field(default_factory=dict)
    waiting_for: Mapping[str, str] = field(default_factory=dict)
    network_owners: Mapping[str, str] = field(default_factory=dict)
    repairs: tuple[float, ...] = ()
    retry_at: float | None = None
    retry_reason: str = ""
    unhealthy: Mapping[str, str] = field(default_factory=dict)
    deployed: str = ""
    generation: str = ""
    redeploy: str = ""
    restart_at: float | None = None
    restart: str = ""


class SourceKind(Protocol):
    """Everything the rest of Pierhead asks of a kind of source."""

    @property
    def name(self) -> str:
        """The value of `source.kind`; its schema is `source/<name>.schema.json`."""

    def parse(self, raw: Mapping[str, object]) -> Source:
        """The normalised source, from a mapping that its schema accepts."""

    def check(self, workload: Workload, desired: DesiredState, policy: HostPolicy) -> Iterable[Finding]:
        """What a schema cannot say: references, policy of the host, combinations that cannot work."""

    def summary(self, workload: Workload) -> Mapping[str, str]:
        """A few words for people: image and tag, repository and revision; no secret, no environment value."""

    def secret_names(self, workload: Workload) -> frozenset[str]:
        """Names of all secrets that running the workload needs."""

    def dependencies(self, workload: Workload) -> tuple[str, ...]:
        """Workloads that must be ready first, besides those of `depends_on`."""

    def probe(self, workload: Workload) -> HealthCheck | None:
        """The check that the agent makes itself while the workload runs; None where the engine does it or nobody."""

    def pinned(self, workload: Workload, registry_hosts: Mapping[str, str]) -> Pinned:
        """What the document pins now; `registry_hosts` maps names of Registry documents to their hosts."""

    def repin(self, workload: Workload, version: Version, registry_hosts: Mapping[str, str]) -> Repin:
        """What has to be written so that the document pins that version, which is one of its own image."""

    def run_spec(
        self, workload: Workload, run: RunSpec, settings: Settings, registry_hosts: Mapping[str, str]
    ) -> ContainerSpec | None:
        """The one-off container of a run, which serves nobody and ends; None where the kind has none."""

    def plan(self, workload: Workload, observed: tuple[ObservedContainer, ...], situation: Situation) -> Plan:
        """The decision of one pass; `observed` holds the containers that carry the workload's id, oldest first.

        A plan without steps depends on `situation.now` only where there are `repairs` or a `retry_at`, or says by its
        `until` when it ends: any other is kept while all else stays equal.
        """
