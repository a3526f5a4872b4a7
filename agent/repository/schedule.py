"""When to fetch next: at the interval, a little early or late so that many hosts spread, later after failures."""

from __future__ import annotations

from collections.abc import Callable

LONGEST = 600.0
JITTER = 0.1


class FetchSchedule:
    """`random` gives a number from 0 to 1. Waking early is the caller's: ask `delay` again afterwards."""

    def __init__(self, interval: float, random: Callable[[], float]) -> None:
        self._interval = interval
        self._random = random
        self.failures = 0

    def succeeded(self) -> None:
        self.failures = 0

    def failed(self) -> None:
        self.failures += 1

    def delay(self) -> float:
        """Seconds until the next fetch: doubled per failure, at most ten minutes or the interval, ±10 %."""
        longest = max(LONGEST, self._interval)
        plain = min(longest, self._interval * 2.0 ** min(self.failures, 32))
        return plain * (1 - JITTER + 2 * JITTER * self._random())
