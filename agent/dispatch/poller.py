"""Looks at what has to be asked for: registries and git repositories, each target at its own pace.

A target is looked at by one worker at a time, and one outside host by one worker at a time, so that a server that hangs
holds up nobody else. What does not work is told once, shown at its triggers, and tried again later and later.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from agent.chronicle import Chronicle, Note, timestamp
from agent.core.reasons import Reason
from agent.dispatch.board import TriggerBoard
from agent.errors import PierheadError, Stalled, Transient
from agent.keyed_queue import KeyedQueue
from agent.ports import Clock

logger = logging.getLogger(__name__)

WORKERS = 4
LONGEST_DELAY = 3600.0
AFTER_DEFECT = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One thing to look at: how often (seconds), whose server it is, and which triggers wait for it."""

    key: str
    interval: float
    host: str
    triggers: tuple[str, ...]


class Watcher(Protocol):
    """One kind of outside."""

    def targets(self) -> Sequence[Target]:
        """What has to be looked at by the desired state in force."""

    def look(self, target: Target) -> float | None:
        """Look once; seconds after which to look again where that is sooner than usual. Raises PierheadError."""

    def looked_at(self, key: str) -> float:
        """When it was looked at last, also by an earlier process (epoch seconds); 0 for never. Raises PierheadError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PollerParts:
    """What looking needs. `chance` gives numbers from 0 to 1, by which looks are spread."""

    watchers: tuple[Watcher, ...]
    board: TriggerBoard
    chronicle: Chronicle
    clock: Clock
    chance: Callable[[], float]


class Poller:
    """`refresh` from one thread at a time, `look_now` from any."""

    def __init__(self, parts: PollerParts) -> None:
        self._parts = parts
        self._queue = KeyedQueue(parts.clock.monotonic)
        self._lock = threading.Lock()
        self._targets: Mapping[str, tuple[Watcher, Target]] = {}
        self._failures: dict[str, int] = {}
        self._stalled: set[str] = set()
        self._busy: set[str] = set()
        self._parked: dict[str, deque[str]] = {}
        self._threads: list[threading.Thread] = []
        self.polls = {"ok": 0, "failed": 0}

    def start(self) -> None:
        """Begin to look; threads only come with the first target."""
        with self._lock:
            self._ensure_threads()

    def stop(self, timeout: float) -> None:
        """What hangs is left to itself."""
        self._queue.close()
        for thread in self._threads:
            thread.join(timeout / WORKERS)

    def refresh(self) -> None:
        """The desired state has changed: begin with what is new and with what only a commit could mend, and forget what
        is gone.
        """
        found = {target.key: (watcher, target) for watcher in self._parts.watchers for target in watcher.targets()}
        with self._lock:
            known, self._targets = self._targets, found
            self._failures = {key: count for key, count in self._failures.items() if key in found}
            stalled, self._stalled = self._stalled & set(found), set()
            self._ensure_threads()
        for key, (_, target) in known.items():
            waiting = found[key][1].triggers if key in found else ()
            self._parts.board.eased(set(target.triggers) - set(waiting), key)
        for key, (watcher, target) in found.items():
            if key not in known or target.interval < known[key][1].interval:
                self._queue.add(key, self._first_delay(watcher, target))
        for key in stalled:
            self._queue.add(key)

    def look_now(self, trigger: str) -> bool:
        """Somebody asked for it; False where this trigger never looks by itself."""
        keys = [key for key, (_, target) in self._targets.items() if trigger in target.triggers]
        for key in keys:
            self._queue.add(key)
        return bool(keys)

    def _ensure_threads(self) -> None:
        while len(self._threads) < min(WORKERS, len(self._targets)):
            thread = threading.Thread(target=self._run, name=f"poll-{len(self._threads) + 1}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _first_delay(self, watcher: Watcher, target: Target) -> float:
        """What was looked at by an earlier process keeps its pace."""
        try:
            due = watcher.looked_at(target.key) + target.interval - self._parts.clock.now()
        except PierheadError as error:
            logger.warning("when %s was looked at last is not known: %s", target.key, error)
            due = 0.0
        return max(0.0, min(due, target.interval)) + 0.001

    def _run(self) -> None:
        while self.work():
            pass

    def work(self, timeout: float | None = None) -> bool:
        """Look at the next target that is due; False at the end, or when none was for `timeout` seconds."""
        taken = self._queue.take(timeout)
        if taken is None:
            return False
        key, delay = taken[0], None
        try:
            delay = self._look(key)
        except Exception:
            logger.exception("looking at %s failed", key)
            delay = AFTER_DEFECT
        finally:
            self._queue.done(key)
        if delay is not None:
            self._queue.add(key, delay)
        return True

    def _look(self, key: str) -> float | None:
        """Look once; seconds until the next time, None for what is gone and for what waits until its host is free."""
        found = self._taken(key)
        if found is None:
            return None
        watcher, target = found
        try:
            again = watcher.look(target)
        except PierheadError as error:
            return self._failed(target, error)
        finally:
            with self._lock:
                self._busy.discard(target.host)
                self._unpark()
        self._looked(target)
        spread = target.interval * (0.95 + 0.1 * self._parts.chance())
        return spread if again is None else max(1.0, min(again, spread))

    def _taken(self, key: str) -> tuple[Watcher, Target] | None:
        with self._lock:
            found = self._targets.get(key)
            if found is None:
                self._unpark()
                return None
            host = found[1].host
            if host in self._busy:
                parked = self._parked.setdefault(host, deque())
                if key not in parked:
                    parked.append(key)
                return None
            self._busy.add(host)
            return found

    def _unpark(self) -> None:
        """The next in line of each host that nobody looks at."""
        for host in [host for host in self._parked if host not in self._busy]:
            parked = self._parked[host]
            self._queue.add(parked.popleft())
            if not parked:
                del self._parked[host]

    def _looked(self, target: Target) -> None:
        with self._lock:
            self.polls["ok"] += 1
            self._failures.pop(target.key, None)
        if self._parts.board.looked(target.triggers, target.key, timestamp(self._parts.clock.now())):
            self._tell(Reason.TRIGGER_RECOVERED, target, f"{target.key} answers again", "info")

    def _failed(self, target: Target, error: PierheadError) -> float:
        with self._lock:
            self.polls["failed"] += 1
            count = self._failures[target.key] = self._failures.get(target.key, 0) + 1
            if isinstance(error, Stalled):
                self._stalled.add(target.key)
        if self._parts.board.troubled(target.triggers, target.key, f"{error.reason}: {error}"):
            self._tell(Reason.TRIGGER_FAILED, target, str(error), "warning")
        delay = min(LONGEST_DELAY, target.interval * 2 ** min(count - 1, 6))
        if isinstance(error, Transient) and error.retry_after is not None:
            delay = max(delay, min(error.retry_after, LONGEST_DELAY))
        return float(delay)

    def _tell(self, reason: Reason, target: Target, message: str, severity: str) -> None:
        note = Note(
            reason=reason,
            message=f"{', '.join(target.triggers)}: {message}",
            severity=severity,
            source="triggers",
            data={"trigger": target.triggers[0], "triggers": list(target.triggers)},
        )
        self._parts.chronicle.write(note)
