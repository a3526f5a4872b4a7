"""The board: the newest record of every workload, of the agent's conditions and of the numbers for metrics.

Writing the same record twice changes nothing, so that an idle agent has nothing to flush and nobody to tell.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Collection, Iterable

from agent.chronicle import Watchers, timestamp
from agent.core.problems import Problem
from agent.core.reasons import Phase, Reason
from agent.core.status import HostStatus, WorkloadStatus
from agent.ports import Clock

NEXT = "a new commit changes it, which is acted upon next"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What never changes while the agent runs: its host name, version, and the repository it follows."""

    host: str
    version: str
    repository: str
    branch: str


class Board:
    """Thread-safe. `version` grows with each change; watchers are told after it."""

    def __init__(self, identity: Identity, clock: Clock, watchers: Watchers) -> None:
        self.identity = identity
        self._clock = clock
        self._watchers = watchers
        self._lock = threading.Lock()
        self._workloads: dict[str, WorkloadStatus] = {}
        self._given: dict[str, WorkloadStatus] = {}
        self._problems: tuple[Problem, ...] = ()
        self._conditions: dict[str, str] = {}
        self._revision: str | None = None
        self._phase_listeners: list[Callable[[WorkloadStatus], None]] = []
        self.version = 0

    def on_record(self, listener: Callable[[WorkloadStatus], None]) -> None:
        """Call `listener` after each change of a workload's record, from the thread that changed it."""
        self._phase_listeners.append(listener)

    def record(self, status: WorkloadStatus) -> bool:
        """Put a record up; True when it differs from the one before. `since` is kept while phase and reason stay."""
        with self._lock:
            if self._given.get(status.id) is status:
                return False
            self._given[status.id] = status
            known = self._workloads.get(status.id)
            since = timestamp(self._clock.now())
            if known is not None and (known.phase, known.reason) == (status.phase, status.reason):
                since = known.since
            status = dataclasses.replace(status, since=since)
            if status == known:
                return False
            self._workloads[status.id] = status
            self.version += 1
        for listener in self._phase_listeners:
            listener(status)
        self._watchers.tell()
        return True

    def drop(self, workload_id: str) -> None:
        """Forget a workload that is gone from git and from the engine."""
        with self._lock:
            self._given.pop(workload_id, None)
            if self._workloads.pop(workload_id, None) is None:
                return
            self.version += 1
        self._watchers.tell()

    def follow(self, revision: str | None, problems: Iterable[Problem], changed: Collection[str] = ()) -> None:
        """The revision acted upon now, everything wrong with it, and the ids of the workloads that it changes.

        Whoever sees the revision here sees these in progress: their records speak of the revision before.
        """
        found = tuple(problems)
        with self._lock:
            if (self._revision, self._problems) == (revision, found):
                return
            self._revision, self._problems = revision, found
            self._outdate(changed)
            self.version += 1
        self._watchers.tell()

    def _outdate(self, changed: Collection[str]) -> None:
        since = timestamp(self._clock.now())
        for known in [self._workloads[one] for one in changed if one in self._workloads]:
            self._given.pop(known.id, None)
            self._workloads[known.id] = dataclasses.replace(
                known, phase=Phase.PROGRESSING, reason=Reason.REVISION_SEEN, message=NEXT, since=since, until=None
            )

    def condition(self, name: str, message: str | None) -> bool:
        """Set or clear (None) one condition of the agent itself; True when that changed anything."""
        with self._lock:
            if self._conditions.get(name) == message:
                return False
            if message is None:
                del self._conditions[name]
            else:
                self._conditions[name] = message
            self.version += 1
        self._watchers.tell()
        return True

    @property
    def conditions(self) -> tuple[str, ...]:
        """The names of the conditions that hold now."""
        with self._lock:
            return tuple(self._conditions)

    def get(self, workload_id: str) -> WorkloadStatus | None:
        """The newest record of a workload id."""
        return self._workloads.get(workload_id)

    def named(self, name: str) -> WorkloadStatus | None:
        """The newest record of a workload name."""
        with self._lock:
            return next((one for one in self._workloads.values() if one.name == name), None)

    def ids(self) -> frozenset[str]:
        """The ids of all workloads on the board."""
        with self._lock:
            return frozenset(self._workloads)

    def unsettled(self) -> tuple[WorkloadStatus, ...]:
        """Workloads that are neither Synced nor Suspended."""
        settled = (Phase.SYNCED, Phase.SUSPENDED)
        with self._lock:
            return tuple(one for one in self._workloads.values() if one.phase not in settled)

    def status(self) -> HostStatus:
        """Everything, as one consistent value; workloads are keyed by name and sorted."""
        with self._lock:
            workloads = sorted(self._workloads.values(), key=lambda one: one.name)
            return HostStatus(
                host=self.identity.host,
                version=self.identity.version,
                revision=self._revision,
                branch=self.identity.branch,
                repository=self.identity.repository,
                updated_at=timestamp(self._clock.now()),
                workloads={one.name: one for one in workloads},
                problems=self._problems,
                conditions=dict(self._conditions),
            )
