"""Desired state as values: what people wrote, checked, defaulted and normalised.

Durations are seconds (float), sizes are bytes (int). Nothing here knows YAML; positions lead back to it. What there is
one of for every document is a named tuple, which is made in a third of the time that a frozen dataclass takes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from agent.core.problems import Position, Problem

NOTHING: Mapping[str, Any] = {}
"""Where a document says nothing; never written to."""


@dataclass(frozen=True, slots=True, order=True)
class SecretRef:
    """`{secret: NAME}`: the value is looked up by the agent and never written anywhere."""

    name: str


Value = str | SecretRef

Config = Mapping[str, Any]
"""A trigger's own fields as written and accepted by its kind's schema, with a binding's `with` merged over them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """One mount of a workload. `scope` is one of seven, which `docs/reference/workload.md` explains."""

    source: str
    target: str
    scope: str
    read_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """A public route: host name, path prefix, container port, `tls` off, auto or internal."""

    host: str
    path: str = "/"
    port: int
    tls: str = "auto"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Publish:
    """A port of the host bound to a port of the container. An empty `host_ip` means all addresses."""

    host_ip: str
    host_port: int
    container_port: int
    protocol: str = "tcp"


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCheck:
    """Exactly one of `http` (path), `tcp` or `command` says how; times are in seconds.

    `port` is the container port probed by `http` and `tcp`.
    """

    http: str | None = None
    tcp: bool = False
    command: tuple[str, ...] | None = None
    port: int | None = None
    interval: float = 10.0
    timeout: float = 3.0
    retries: int = 3
    start_period: float = 10.0

    @property
    def deadline(self) -> float:
        """Seconds after the start at which a container that never answered has failed."""
        return self.start_period + self.interval * self.retries


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A one-off container of the new image before traffic moves."""

    command: tuple[str, ...]
    timeout: float = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSpec:
    """The one-off container of an action `run`: its command (None: the workload's own) and limits.

    `timeout` is in seconds, `keep` the number of ended runs that stay in the history.
    """

    command: tuple[str, ...] | None = None
    timeout: float = 3600.0
    overlap: bool = False
    keep: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """Joins one trigger to a workload: by name (`trigger`), or inline (`inline` holds its fields, `kind` included)."""

    trigger: str | None = None
    inline: Mapping[str, object] | None = None
    order: int = 0
    enabled: bool = True
    action: str = "deploy"
    with_: Mapping[str, object] = field(default_factory=dict)
    run: RunSpec | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """One trigger. `workload` names the workload in which it is written inline, None for a document of its own."""

    name: str
    kind: str
    config: Config
    position: Position
    description: str = ""
    workload: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """One binding in force: `number` is its place among the workload's bindings, `config` the merged fields."""

    trigger: str
    workload: str
    number: int
    order: int = 0
    enabled: bool = True
    action: str = "deploy"
    config: Config = field(default_factory=dict)


class Source(Protocol):
    """What a workload runs. The concrete class belongs to the source kind's own file."""

    @property
    def kind(self) -> str: ...


class Workload(NamedTuple):
    """One deployable thing, as the documents of one commit say it."""

    name: str
    id: str
    source: Source
    position: Position
    description: str = ""
    labels: Mapping[str, str] = NOTHING
    hosts: tuple[str, ...] = ()
    suspend: bool = False
    parent: str | None = None
    promotion: Mapping[str, object] = NOTHING
    depends_on: tuple[str, ...] = ()
    env: Mapping[str, Value] = NOTHING
    volumes: tuple[Volume, ...] = ()
    faces: tuple[Face, ...] = ()
    publish: tuple[Publish, ...] = ()
    release: Release | None = None
    update: str = "commit"
    on_failure: str = "hold"
    windows: tuple[Mapping[str, object], ...] = ()
    prune: bool = True
    triggers: tuple[Binding, ...] = ()
    log_rules: Mapping[str, object] = NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """Where images come from and how to log in. `host` is host or host:port."""

    name: str
    host: str
    username: str | None = None
    password: SecretRef | None = None
    insecure: bool = False
    position: Position


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the config repository sets for all its workloads. `defaults` is already merged into each workload."""

    default_network: str = "pierhead"
    event_retention: float = 30 * 86400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredState:
    """Everything one commit says, for one host. `bindings` are by name of the trigger, in the order they are asked.

    `invalid` maps the id of each workload whose document cannot be used to its name; `protected` holds those ids and
    names alike: they are left running as they are.
    `complete` is False when some document could not even be named, so that nothing may be pruned;
    `readable` is False when nothing at all could be read, so that nothing may change.
    `elsewhere` holds ids of workloads that other hosts run: known, so that references to them are no mistake.
    """

    revision: str
    workloads: Mapping[str, Workload] = field(default_factory=dict)
    registries: Mapping[str, Registry] = field(default_factory=dict)
    settings: Settings = field(default_factory=Settings)
    triggers: Mapping[str, Trigger] = field(default_factory=dict)
    bindings: Mapping[str, tuple[Bound, ...]] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    invalid: Mapping[str, str] = field(default_factory=dict)
    protected: frozenset[str] = frozenset()
    elsewhere: frozenset[str] = frozenset()
    complete: bool = True
    readable: bool = True

    def by_id(self) -> dict[str, Workload]:
        """The workloads keyed by id, which is what containers carry."""
        return {workload.id: workload for workload in self.workloads.values()}
