"""A watcher for the poller: targets that tests set, looks that wait, fail or say when to come again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from agent.dispatch.poller import Target
from agent.errors import PierheadError


def target(key: str, host: str = "a", interval: float = 60.0, triggers: tuple[str, ...] = ()) -> Target:
    return Target(key=key, interval=interval, host=host, triggers=triggers or (key,))


class FakeWatcher:
    """`agent.dispatch.poller.Watcher`. `during` is called inside of each look; `errors` are raised by key."""

    def __init__(self, *targets: Target) -> None:
        self.wanted: list[Target] = list(targets)
        self.looks: list[str] = []
        self.errors: dict[str, Exception] = {}
        self.again: dict[str, float] = {}
        self.last: dict[str, float | PierheadError] = {}
        self.during: Callable[[str], object] = lambda _: None
        self.at_once = 0
        self.most_at_once = 0
        self._lock = threading.Lock()

    def targets(self) -> Sequence[Target]:
        return tuple(self.wanted)

    def look(self, target: Target) -> float | None:
        with self._lock:
            self.looks.append(target.key)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            self.during(target.key)
            if target.key in self.errors:
                raise self.errors[target.key]
            return self.again.get(target.key)
        finally:
            with self._lock:
                self.at_once -= 1

    def looked_at(self, key: str) -> float:
        found = self.last.get(key, 0.0)
        if isinstance(found, PierheadError):
            raise found
        return found
