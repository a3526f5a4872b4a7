"""Containers of the fake engine, and what images do when they are started."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from agent.core.container import ContainerSpec
from agent.errors import PierheadError


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """What containers of one image do once started."""

    exit_code: int | None = None
    restarts: int = 0
    oom_killed: bool = False
    health: str | None = None
    answers: bool = True
    output: tuple[str, ...] = ()
    start_error: PierheadError | None = None


@dataclass(kw_only=True)
class FakeContainer:
    """One container; tests may change any field, as a person with a shell could."""

    id: str
    name: str
    ours: bool
    spec: ContainerSpec
    fingerprint: str = ""
    revision: str = ""
    prune: bool = True
    network_container: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    state: str = "created"
    health: str | None = None
    exit_code: int | None = None
    restart_count: int = 0
    oom_killed: bool = False
    cpu_limit: float | None = None
    memory_limit: int | None = None
    pids_limit: int | None = None
    restart: str = "no"
    networks: dict[str, tuple[str, ...]] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    created: int = 0
    digest: str | None = None
    started_at: str = ""
    finished_at: str = ""
    role: str = ""
    extra: Mapping[str, object] = field(default_factory=dict)
    number: int = 0

    @property
    def address(self) -> str:
        return f"10.0.{self.number // 250}.{self.number % 250 + 2}" if self.state == "running" else ""
