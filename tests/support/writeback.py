"""Statuses, events, secrets and a clock for tests of the repository and of write-back."""

from __future__ import annotations

from pathlib import Path

from agent.core.eventlog import Event
from agent.core.reasons import Phase, Reason
from agent.core.status import HostStatus, WorkloadStatus
from agent.errors import Stalled
from agent.settings import AgentSettings, RepositorySettings, WriteBackSettings

NOON = 1795435200.0
"""2026-11-23T12:00:00Z"""


class PlainSecrets:
    """Secrets from a dictionary."""

    def __init__(self, **values: str) -> None:
        self.values = values

    def value(self, name: str) -> str:
        if name not in self.values:
            raise Stalled(Reason.SECRET_MISSING, f"no secret {name}")
        return self.values[name]

    def digest(self, name: str) -> str | None:
        return None

    def redact(self, text: str) -> str:
        for value in self.values.values():
            text = text.replace(value, "***")
        return text


class StillClock:
    """A clock that moves when told."""

    def __init__(self, now: float = NOON) -> None:
        self.time = now

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    def wait(self, seconds: float) -> None:
        self.time += seconds


def settings_for(folder: Path, url: str, *, host: str = "edge-1", **fields: object) -> AgentSettings:
    """Host settings below a folder; `write_back` or fields of `repo` may be given."""
    write_back = fields.pop("write_back", WriteBackSettings())
    repository = RepositorySettings(url=url, **({"timeout": 10.0} | fields))
    return AgentSettings(
        repo=repository, host=host, data_dir=folder / "data", volume_dir=folder / "volumes", write_back=write_back
    )


def event(number: int, *, day: str = "2026-11-23", host: str = "edge-1", message: str = "shop is healthy") -> Event:
    """One event; ids sort by number."""
    second = number % 60
    return Event(
        id=f"{day}-{number:08}",
        time=f"{day}T10:{number // 60 % 60:02}:{second:02}.000Z",
        host=host,
        severity="info",
        source="reconcile",
        reason=Reason.DEPLOYED,
        message=message,
        workload="shop",
    )


def status(
    revision: str | None, *, host: str = "edge-1", message: str = "as wanted", at: str = "10:00:00"
) -> HostStatus:
    """A host with one workload."""
    workload = WorkloadStatus(
        name="shop",
        id="3f9a2c71",
        phase=Phase.SYNCED,
        reason=Reason.CONVERGED,
        message=message,
        since="2026-11-23T09:00:00.000Z",
    )
    return HostStatus(
        host=host,
        version="0.1.0",
        revision=revision,
        branch="main",
        repository="https://git.example.com/config.git",
        updated_at=f"2026-11-23T{at}.000Z",
        workloads={"shop": workload},
    )
