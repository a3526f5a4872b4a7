"""The machine's clock, behind `agent.ports.Clock`."""

from __future__ import annotations

import time


class SystemClock:
    """`now` may jump when somebody sets the clock; `monotonic` never goes back."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)
