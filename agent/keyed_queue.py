"""The keyed queue: a key is worked on by one worker at a time, and at most one re-run of it is pending.

Adding a key that waits changes nothing; adding one that runs marks it for one more run. Delayed keys are for retries;
the earliest time wins. The shape is that of a Kubernetes controller's work queue.
"""

from __future__ import annotations

import heapq
import threading
import time
from collections import OrderedDict
from collections.abc import Callable


class KeyedQueue:
    """Thread-safe. Times are monotonic seconds from `clock`."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._ready: OrderedDict[str, float] = OrderedDict()
        self._running: set[str] = set()
        self._rerun: dict[str, float] = {}
        self._due: dict[str, float] = {}
        self._heap: list[tuple[float, str]] = []
        self._closed = False

    def add(self, key: str, delay: float = 0.0, since: float | None = None) -> None:
        """Ask for a run of `key`, `delay` seconds from now; by what was seen `since` that moment, by default now."""
        with self._changed:
            now = self._clock()
            if delay > 0:
                self._add_later(key, now + delay)
            else:
                place = self._rerun if key in self._running else self._ready
                moment = now if since is None else since
                place[key] = max(moment, place.get(key, moment))
            self._changed.notify_all()  # not one: who waits for idleness would take a worker's wake-up

    def _add_later(self, key: str, due: float) -> None:
        if due < self._due.get(key, float("inf")):
            self._due[key] = due
            heapq.heappush(self._heap, (due, key))

    def take(self, timeout: float | None = None) -> tuple[str, float] | None:
        """The next key and the time of its newest request, or None after `timeout` seconds or when closed.

        The caller must call `done` with the key.
        """
        deadline = None if timeout is None else self._clock() + timeout
        with self._changed:
            while not self._closed:
                self._promote_due()
                if self._ready:
                    key, requested = self._ready.popitem(last=False)
                    self._running.add(key)
                    return key, requested
                remaining = self._seconds_to_wait(deadline)
                if remaining is not None and remaining <= 0 and deadline is not None and self._clock() >= deadline:
                    return None
                self._changed.wait(remaining)
            return None

    def _promote_due(self) -> None:
        now = self._clock()
        while self._heap and self._heap[0][0] <= now:
            due, key = heapq.heappop(self._heap)
            if self._due.get(key) != due:
                continue  # superseded by an earlier request
            del self._due[key]
            if key in self._running:
                self._rerun[key] = now
            else:
                self._ready[key] = now

    def _seconds_to_wait(self, deadline: float | None) -> float | None:
        moments = [moment for moment in (deadline, self._heap[0][0] if self._heap else None) if moment is not None]
        return max(0.0, min(moments) - self._clock()) if moments else None

    def done(self, key: str) -> None:
        """The run of `key` is over; a re-run asked for meanwhile becomes ready."""
        with self._changed:
            self._running.discard(key)
            requested = self._rerun.pop(key, None)
            if requested is not None:
                self._ready[key] = requested
            self._changed.notify_all()

    def pending(self, key: str) -> bool:
        """Whether a newer request for a running `key` waits."""
        with self._changed:
            return key in self._rerun

    def idle(self) -> bool:
        """Nothing runs and nothing is ready; delayed keys do not count."""
        with self._changed:
            self._promote_due()
            return not self._ready and not self._running

    def wait_idle(self, timeout: float) -> bool:
        """Wait until `idle`; False when `timeout` seconds passed first."""
        deadline = self._clock() + timeout
        with self._changed:
            while self._ready or self._running:
                remaining = deadline - self._clock()
                if remaining <= 0:
                    return False
                self._changed.wait(remaining)
            return True

    def depth(self) -> int:
        """How many keys are ready or running, for metrics."""
        with self._changed:
            return len(self._ready) + len(self._running)

    def close(self) -> None:
        """Let every waiting `take` return None; what runs, finishes."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
