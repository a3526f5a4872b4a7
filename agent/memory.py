"""What the agent remembers of a workload beyond git and the engine: whether it may be pruned, and what was complete.

Kept in the journal, read once per workload and process.
"""

from __future__ import annotations

import threading

from agent.ports import Journal

PRUNE = "prune"
DEPLOYED = "deployed"


class Memory:
    """Thread-safe; keyed by workload id. Losing it costs words, never a container: labels say `prune` as well."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._lock = threading.Lock()
        self._known: dict[str, str] = {}

    def prune(self, workload_id: str) -> bool | None:
        """What the workload said last; None where nobody remembers."""
        word = self._recall(f"{PRUNE}:{workload_id}")
        return None if not word else word == "true"

    def deployed(self, workload_id: str) -> str:
        """The target that was last complete; empty when none is known."""
        return self._recall(f"{DEPLOYED}:{workload_id}")

    def keep(self, workload_id: str, *, prune: bool, deployed: str | None) -> None:
        """Remember the newest; `deployed` is None while nothing is complete, which changes nothing."""
        self._remember(f"{PRUNE}:{workload_id}", "true" if prune else "false")
        if deployed is not None:
            self._remember(f"{DEPLOYED}:{workload_id}", deployed)

    def forget(self, workload_id: str) -> None:
        """Nothing is left of this workload."""
        for key in (f"{PRUNE}:{workload_id}", f"{DEPLOYED}:{workload_id}"):
            if self._recall(key):
                self._remember(key, "")

    def _recall(self, key: str) -> str:
        with self._lock:
            if key not in self._known:
                self._known[key] = self._journal.recall(key) or ""
            return self._known[key]

    def _remember(self, key: str, value: str) -> None:
        if self._recall(key) == value:
            return
        self._journal.remember(key, value)
        with self._lock:
            self._known[key] = value
