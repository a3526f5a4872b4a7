"""Status: what each workload is in and why, as shown everywhere and written back to git.

`HostStatus.as_dict` is the JSON form of `status.schema.json`. No secret and no environment value enters it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

from agent.core.problems import Position, Problem, Severity
from agent.core.reasons import Phase, Reason

_ALWAYS = frozenset({"health", "message", "expected", "found", "fix"})
"""Fields without a default, which are written even when they are empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerStatus:
    """One container of a workload. `started_at` is RFC 3339; `digest` is the image digest where it is known."""

    id: str
    name: str
    role: str
    state: str
    health: str | None
    image: str
    digest: str | None = None
    exit_code: int | None = None
    started_at: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadStatus:
    """One record per workload and pass: what was decided and why, also when nothing was done."""

    name: str
    id: str
    phase: Phase
    reason: Reason
    message: str
    since: str
    source: str = ""
    revision: str | None = None
    fingerprint: str | None = None
    image: str | None = None
    until: str | None = None
    quarantine: str | None = None
    plan: tuple[str, ...] = ()
    containers: tuple[ContainerStatus, ...] = ()
    depends_on: tuple[str, ...] = ()
    path: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HostStatus:
    """Everything one agent knows about itself at one moment. `revision` is the config commit acted upon."""

    host: str
    version: str
    revision: str | None
    branch: str
    repository: str
    updated_at: str
    workloads: Mapping[str, WorkloadStatus] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    conditions: Mapping[str, str] = field(default_factory=dict)

    def counts(self) -> dict[str, int]:
        """How many workloads are in each phase; phases without any are left out."""
        return dict(Counter(str(one.phase) for one in self.workloads.values()))

    def as_dict(self) -> dict[str, object]:
        """The JSON form of `status.schema.json`; fields that are unknown or empty are left out."""
        return {
            "host": self.host,
            "version": self.version,
            "repository": self.repository,
            "branch": self.branch,
            "revision": self.revision,
            "updated_at": self.updated_at,
            "counts": self.counts(),
            "conditions": dict(self.conditions),
            "workloads": {name: workload_as_dict(one) for name, one in sorted(self.workloads.items())},
            "problems": [problem_as_dict(one) for one in self.problems],
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> HostStatus:
        """The status that `as_dict` gave. Unknown fields are ignored; ValueError, KeyError or TypeError otherwise."""
        plain = {key: record[key] for key in ("host", "version", "repository", "branch", "revision", "updated_at")}
        return cls(
            **plain,
            workloads={name: _workload(one) for name, one in record.get("workloads", {}).items()},
            problems=tuple(_problem(one) for one in record.get("problems", ())),
            conditions=dict(record.get("conditions", {})),
        )


def workload_as_dict(workload: WorkloadStatus) -> dict[str, object]:
    """One entry of `workloads` in `status.schema.json`."""
    record = _filled(workload)
    if workload.containers:
        record["containers"] = [_filled(one) for one in workload.containers]
    return record


def problem_as_dict(problem: Problem) -> dict[str, object]:
    """One entry of `problems` in `status.schema.json`: the position's fields beside the others."""
    record = _filled(problem)
    del record["position"]
    return _filled(problem.position) | record


def _filled(value: Any) -> dict[str, object]:
    """The fields of a flat dataclass that hold something, as JSON knows it."""
    pairs = ((one.name, getattr(value, one.name)) for one in fields(value))
    return {name: _plain(content) for name, content in pairs if content not in (None, (), "") or name in _ALWAYS}


def _plain(content: object) -> object:
    if isinstance(content, StrEnum):
        return str(content)
    return list(content) if isinstance(content, tuple) else content


def _known(cls: type[Any], record: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a record that a class has; lists as tuples."""
    names = {one.name for one in fields(cls)}
    return {name: tuple(it) if isinstance(it, list) else it for name, it in record.items() if name in names}


def _workload(record: Mapping[str, Any]) -> WorkloadStatus:
    containers = tuple(ContainerStatus(**_known(ContainerStatus, one)) for one in record.get("containers", ()))
    known = _known(WorkloadStatus, record)
    words = {"phase": Phase(record["phase"]), "reason": Reason(record["reason"]), "containers": containers}
    return WorkloadStatus(**known | words)


def _problem(record: Mapping[str, Any]) -> Problem:
    position = Position(**_known(Position, record))
    return Problem(**_known(Problem, record) | {"position": position, "severity": Severity(record["severity"])})
