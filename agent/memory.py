"""What the agent remembers of a workload beyond git and the engine: whether it may be pruned, and what was complete.

One short line a workload in the journal, read once per process and written only when it changes.
"""

from __future__ import annotations

import threading

from agent.ports import Journal

PRUNE = "prune"
KEEP = "keep"


class Memory:
    """Thread-safe; keyed by workload id. Losing it costs words, never a container: labels say `prune` as well."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._lock = threading.Lock()
        self._lines: dict[str, str] = {}

    def prune(self, workload_id: str) -> bool | None:
        """What the workload said last; None where nobody remembers."""
        word = self._recall(workload_id).partition(" ")[0]
        return word == PRUNE if word else None

    def deployed(self, workload_id: str) -> str:
        """The target that was last complete; empty when none is known."""
        return self._recall(workload_id).partition(" ")[2]

    def keep(self, workload_id: str, *, prune: bool, deployed: str | None) -> None:
        """Remember the newest; `deployed` is None while nothing is complete, which leaves what was."""
        target = self.deployed(workload_id) if deployed is None else deployed
        self._remember(workload_id, f"{PRUNE if prune else KEEP} {target}")

    def forget(self, workload_id: str) -> None:
        """Nothing is left of this workload."""
        self._remember(workload_id, "")

    def _recall(self, workload_id: str) -> str:
        with self._lock:
            if workload_id not in self._lines:
                self._lines[workload_id] = self._journal.recall(_key(workload_id)) or ""
            return self._lines[workload_id]

    def _remember(self, workload_id: str, line: str) -> None:
        if self._recall(workload_id) == line:
            return
        self._journal.remember(_key(workload_id), line)
        with self._lock:
            self._lines[workload_id] = line


def _key(workload_id: str) -> str:
    return f"workload:{workload_id}"
