"""Runs: one-off containers that a trigger started, and how they ended."""

from __future__ import annotations

from dataclasses import dataclass

WAITING = "waiting"
RUNNING = "running"
SUCCEEDED = "succeeded"
FAILED = "failed"
TIMED_OUT = "timed_out"
SKIPPED = "skipped"
LOST = "lost"
STATES = (WAITING, RUNNING, SUCCEEDED, FAILED, TIMED_OUT, SKIPPED, LOST)
OPEN_STATES = (WAITING, RUNNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run. `state` is one of STATES, times are RFC 3339 in UTC, `lines` the last of its output, oldest first."""

    id: str
    workload_id: str
    workload: str
    trigger: str
    event: str
    state: str
    requested: str
    started: str | None = None
    finished: str | None = None
    exit_code: int | None = None
    lines: tuple[str, ...] = ()
    message: str = ""

    @property
    def is_open(self) -> bool:
        """Whether something is still to come."""
        return self.state in OPEN_STATES
