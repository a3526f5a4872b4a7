"""What an event asked of a workload besides a new pin: to redeploy, to restart or to run once."""

from __future__ import annotations

from dataclasses import dataclass

REDEPLOY = "redeploy"
RESTART = "restart"
RUN = "run"
ACTIONS = (REDEPLOY, RESTART, RUN)

LATEST_ONLY = frozenset((REDEPLOY, RESTART))
"""Doing these once serves whoever asked before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request. `action` is one of ACTIONS, `event` the id of the event that asked, `why` the same for people."""

    id: str
    workload_id: str
    workload: str
    action: str
    trigger: str
    event: str
    time: str
    why: str
