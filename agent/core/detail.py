"""What the page and the API tell about one workload beyond its status. Secrets are names here, never values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from agent.core.runs import Run
from agent.core.status import WorkloadStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentEntry:
    """One variable; `value` is None where it comes from a secret, whose name is then `secret`."""

    name: str
    value: str | None = None
    secret: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeEntry:
    """One mount as shown: scope, what is mounted, where, and whether it can be written."""

    scope: str
    source: str
    target: str
    read_only: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BindingDetail:
    """One binding and what the newest event of its trigger meant for it.

    `number` counts the bindings of the workload from 1. `fired` is None before the first event, `why` says why it fired
    or not, `at` when (RFC 3339), `event` which one (id). `next_tick` is when the clock fires next, where one does.
    """

    trigger: str
    kind: str
    workload: str
    number: int
    order: int
    enabled: bool
    action: str
    overrides: tuple[str, ...] = ()
    fired: bool | None = None
    why: str = ""
    at: str | None = None
    event: str | None = None
    next_tick: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerDetail:
    """One trigger. `workload` is where it is written inline, `summary` the kind's own words.

    `last_event` tells the newest event in words, `outcome` what it meant (`fired 2 of 3`), `polled` when the agent last
    looked by itself and `trouble` why that, or the trigger itself, does not work now. `auth` is how a sender proves
    itself (one of AUTH_WAYS), None where there is no address. Times are RFC 3339.
    """

    name: str
    kind: str
    path: str
    line: int
    description: str = ""
    workload: str | None = None
    summary: Mapping[str, str] = field(default_factory=dict)
    bindings: tuple[BindingDetail, ...] = ()
    last_event: str = ""
    last_event_id: str | None = None
    last_event_at: str | None = None
    outcome: str = ""
    next_tick: str | None = None
    polled: str | None = None
    trouble: str = ""
    auth: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadDetail:
    """One workload for people. `source` holds the kind's own summary; `chain` the stages from first to last.

    `pending_update` says which version waits to be written to git and why, empty where none does; `runs` are the newest
    one-off containers, newest first.
    """

    status: WorkloadStatus
    description: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    source: Mapping[str, str] = field(default_factory=dict)
    environment: tuple[EnvironmentEntry, ...] = ()
    volumes: tuple[VolumeEntry, ...] = ()
    faces: tuple[str, ...] = ()
    publish: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    dependents: tuple[str, ...] = ()
    chain: tuple[str, ...] = ()
    bindings: tuple[BindingDetail, ...] = ()
    pending_update: str = ""
    runs: tuple[Run, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """One number for `/metrics`: name without prefix (`passes_total`), labels, value; `gauge` when it can go down."""

    name: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)
    gauge: bool = False
    help: str = ""
