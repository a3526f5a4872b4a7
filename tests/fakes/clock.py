"""A clock whose time passes only when somebody waits, so that tests of minutes take none."""

from __future__ import annotations

from collections.abc import Callable


class FakeClock:
    """`agent.ports.Clock`; `on_wait` callbacks run at each wait and may change the world at their time."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.time = now
        self.elapsed = 0.0
        self.on_wait: list[Callable[[float], None]] = []

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.elapsed

    def wait(self, seconds: float) -> None:
        self.advance(seconds)
        for callback in list(self.on_wait):
            callback(self.elapsed)

    def advance(self, seconds: float) -> None:
        """Let time pass on both scales."""
        self.time += seconds
        self.elapsed += seconds

    def jump(self, seconds: float) -> None:
        """Somebody sets the clock."""
        self.time += seconds
