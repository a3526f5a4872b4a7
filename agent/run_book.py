"""What is known of runs: open ones in memory, all of them in the journal, and the events that tell of them.

An end is told before it is on record, and only if it was not told: killed in between, the next start tells nothing
twice and forgets nothing.
"""

from __future__ import annotations

from typing import Protocol

from agent.chronicle import Chronicle, Note
from agent.core.eventlog import Event
from agent.core.planning.one_off import asked_by
from agent.core.reasons import Reason
from agent.core.runs import Run
from agent.ports_journal import Requests, Runs

HISTORY = 1000
EVENTS = 200
SEVERITIES = {Reason.RUN_FAILED: "error", Reason.RUN_SKIPPED: "warning"}


class RunJournal(Requests, Runs, Protocol):
    """What is asked, what became of it, and what was told of it."""

    def recent_events(self, limit: int, workload: str | None = None, before: str | None = None) -> tuple[Event, ...]:
        """Newest first."""


class RunBook:
    """Safe from several threads as long as no two of them work on the same workload at once."""

    def __init__(self, journal: RunJournal, chronicle: Chronicle) -> None:
        self._journal = journal
        self._chronicle = chronicle
        self._open: dict[str, dict[str, Run]] = {}
        self._started: set[str] = set()
        for run in journal.open_runs():
            self._open.setdefault(run.workload_id, {})[run.id] = run

    def open(self, workload_id: str) -> tuple[Run, ...]:
        """The runs of a workload that are not over, oldest first."""
        return tuple(self._open.get(workload_id, {}).values())

    def unfinished(self) -> frozenset[str]:
        """The ids of all workloads with a run that is not over."""
        return frozenset(self._open.copy())

    def knows(self, workload_id: str, run_id: str) -> bool:
        """Whether a run is on record, over or not."""
        if run_id in self._open.get(workload_id, {}):
            return True
        return any(one.id == run_id for one in self._journal.runs(workload_id, HISTORY))

    def save(self, run: Run) -> None:
        """On record from here on, whatever happens."""
        self._journal.save_run(run)
        if run.is_open:
            self._open.setdefault(run.workload_id, {})[run.id] = run
            return
        mine = self._open.get(run.workload_id, {})
        mine.pop(run.id, None)
        if not mine:
            self._open.pop(run.workload_id, None)

    def started(self, run: Run) -> None:
        """Tell that it runs, unless that was told."""
        if run.id not in self._started:
            self._tell(run, Reason.RUN_STARTED, "it starts", {})
            self._started.add(run.id)

    def close(self, run: Run, reason: Reason, keep: int) -> None:
        """It is over, as it says itself; `keep` is how many ended runs of the workload stay on record."""
        data: dict[str, object] = {}
        if run.exit_code is not None:
            data["exit_code"] = run.exit_code
        if run.lines:
            data["logs"] = list(run.lines)
        self._tell(run, reason, run.message, data)
        self.save(run)
        self._journal.keep_runs(run.workload_id, keep)
        self._started.discard(run.id)

    def _tell(self, run: Run, reason: Reason, message: str, data: dict[str, object]) -> None:
        before = self._journal.recent_events(EVENTS, run.workload)
        if any(one.reason is reason and one.data.get("run") == run.id for one in before):
            return
        note = Note(
            reason=reason,
            message=f"{asked_by(run)}: {message}",
            severity=SEVERITIES.get(reason, "info"),
            source="runs",
            workload=run.workload,
            data={"run": run.id, "trigger": run.trigger, "event": run.event, **data},
        )
        self._chronicle.write(note)
