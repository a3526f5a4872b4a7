"""What failed and when it may be tried again: quarantine (until a commit), holds (until a time), repairs (counted).

Quarantine survives a restart, in the journal; holds and counts start anew, which at worst costs one more try. Times are
kept on the monotonic clock and only told as epoch seconds, so that a clock that jumps neither frees nor locks anything.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from agent.chronicle import timestamp
from agent.ports import Clock, Journal, QuarantineEntry

FIRST_DELAY = 5.0
LONGEST_DELAY = 300.0
REPAIR_WINDOW = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """What is not tried before `until` (monotonic seconds), and why.

    `everything` is False while only a new version is held, whose predecessor serves meanwhile, and True when a repair,
    a removal or the way back failed, so that nothing at all is tried.
    """

    fingerprint: str
    everything: bool
    reason: str
    message: str
    until: float
    attempts: int


class Failures:
    """Thread-safe; everything is keyed by workload id."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock
        self._lock = threading.Lock()
        self._quarantine = {(one.workload_id, one.fingerprint): one for one in journal.quarantined()}
        self._holds: dict[str, Hold] = {}
        self._repairs: dict[str, tuple[float, ...]] = {}

    def quarantine(self, workload_id: str, fingerprint: str, revision: str, why: tuple[str, str]) -> None:
        """Never try this version again until a commit changes it; `why` is reason and message."""
        entry = QuarantineEntry(
            workload_id=workload_id,
            fingerprint=fingerprint,
            reason=why[0],
            message=why[1],
            since=timestamp(self._clock.now()),
            revision=revision,
        )
        with self._lock:
            self._quarantine[workload_id, fingerprint] = entry
        self._journal.quarantine(entry)  # last: a disk that is full must not make this process try again

    def hold(
        self,
        workload_id: str,
        fingerprint: str,
        why: tuple[str, str],
        *,
        retry_after: float | None = None,
        everything: bool = False,
    ) -> Hold:
        """Try this version again later: after `retry_after` seconds, else twice as long as the last time."""
        with self._lock:
            known = self._holds.get(workload_id)
            attempts = known.attempts + 1 if known is not None and known.fingerprint == fingerprint else 1
            delay = min(LONGEST_DELAY, FIRST_DELAY * 2 ** (attempts - 1))
            if retry_after is not None:
                delay = max(delay, min(retry_after, 3600.0))
            until = self._clock.monotonic() + delay
            hold = Hold(
                fingerprint=fingerprint,
                everything=everything,
                reason=why[0],
                message=why[1],
                until=until,
                attempts=attempts,
            )
            self._holds[workload_id] = hold
            return hold

    def held(self, workload_id: str) -> Hold | None:
        """The hold in force now; one that has run out still counts its attempts but holds nothing."""
        hold = self._holds.get(workload_id)
        return hold if hold is not None and hold.until > self._clock.monotonic() else None

    def remaining(self, hold: Hold) -> float:
        """Seconds until a hold runs out."""
        return max(0.0, hold.until - self._clock.monotonic())

    def reasons(self, workload_id: str) -> dict[str, str]:
        """Why each failed fingerprint of a workload must not be tried now."""
        with self._lock:
            found = {
                fingerprint: f"{entry.reason}: {entry.message}"
                for (owner, fingerprint), entry in self._quarantine.items()
                if owner == workload_id
            }
        hold = self.held(workload_id)
        if hold is not None and not hold.everything:
            found.setdefault(hold.fingerprint, f"{hold.reason}: {hold.message}")
        return found

    def quarantine_of(self, workload_id: str, fingerprint: str) -> QuarantineEntry | None:
        """The quarantine entry of one version."""
        return self._quarantine.get((workload_id, fingerprint))

    def lift(self, workload_id: str, keep: str | None = None) -> None:
        """Forget failed versions of a workload, except `keep`."""
        with self._lock:
            stale = [key for key in self._quarantine if key[0] == workload_id and key[1] != keep]
            for key in stale:
                del self._quarantine[key]
            hold = self._holds.get(workload_id)
            if hold is not None and hold.fingerprint != keep:
                del self._holds[workload_id]
        if stale:
            self._journal.lift_quarantine(workload_id, keep)

    def succeeded(self, workload_id: str, deployed: str = "") -> None:
        """A plan took: its attempts no longer count. Those of a version that is held count until it was `deployed`."""
        with self._lock:
            hold = self._holds.get(workload_id)
            if hold is not None and (hold.everything or hold.fingerprint == deployed):
                del self._holds[workload_id]

    def repaired(self, workload_id: str) -> None:
        """Count one repair now."""
        with self._lock:
            self._repairs[workload_id] = (*self._recent(workload_id), self._clock.monotonic())

    def repairs(self, workload_id: str) -> tuple[float, ...]:
        """Epoch seconds of the repairs within the window, oldest first."""
        offset = self._clock.now() - self._clock.monotonic()
        with self._lock:
            return tuple(moment + offset for moment in self._recent(workload_id))

    def _recent(self, workload_id: str) -> tuple[float, ...]:
        since = self._clock.monotonic() - REPAIR_WINDOW
        return tuple(moment for moment in self._repairs.get(workload_id, ()) if moment > since)
