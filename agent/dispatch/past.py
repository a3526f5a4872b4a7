"""Which events are behind each workload: an older event that had to wait never takes back what a newer one has written.

Events are put off when a registry or the remote is away, so they do not always come to an end in the order in which
they arrived. Ids of events sort by time; for each workload the newest one that came to its end is kept over restarts.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Collection

KEY = "updates:past"
AFTER = "~"
"""Sorts behind an id and all that begins with it, and before the next id."""


class Past:
    """Safe from any thread; `recall` and `remember` keep small values over restarts and may raise PierheadError."""

    def __init__(self, recall: Callable[[str], str | None], remember: Callable[[str, str], object]) -> None:
        self._recall = recall
        self._remember = remember
        self._lock = threading.Lock()
        self._newest: dict[str, str] | None = None

    def is_behind(self, workload_id: str, event_id: str) -> bool:
        """Whether a newer event has had its effect on that workload."""
        with self._lock:
            return event_id < self._known().get(workload_id, "")

    def note(self, workload_id: str, event_id: str) -> None:
        """The document says what this event wanted. In memory only, until `save`."""
        with self._lock:
            known = self._known()
            known[workload_id] = max(event_id, known.get(workload_id, ""))

    def overrule(self, workload_id: str, event_id: str) -> None:
        """Somebody decided otherwise after this event, which is behind now too."""
        self.note(workload_id, event_id + AFTER)

    def save(self, alive: Collection[str]) -> None:
        """Keep it on disk, for workloads that are there."""
        with self._lock:
            known = self._newest = {key: value for key, value in self._known().items() if key in alive}
            text = json.dumps(known, sort_keys=True, separators=(",", ":"))
        self._remember(KEY, text)

    def _known(self) -> dict[str, str]:
        if self._newest is None:
            self._newest = _read(self._recall(KEY))
        return self._newest


def _read(text: str | None) -> dict[str, str]:
    """What `save` wrote; nothing of anything else."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    if not isinstance(found, dict):
        return {}
    return {key: value for key, value in found.items() if isinstance(value, str)}
