"""What the page and the API tell about one workload beyond its status. Secrets are names here, never values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

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
class WorkloadDetail:
    """One workload for people. `source` holds the kind's own summary; `chain` the stages from first to last."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """One number for `/metrics`: name without prefix (`passes_total`), labels, value; `gauge` when it can go down."""

    name: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)
    gauge: bool = False
    help: str = ""
