"""A child process for the kill test: appends events and tells the id of each that was acknowledged, until killed."""

from __future__ import annotations

import sys
from pathlib import Path

from agent.clock import SystemClock
from agent.core.eventlog import Event
from agent.core.reasons import Reason
from agent.journal.ids import EventIds
from agent.journal.journal import SqliteJournal


def tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(folder: Path) -> None:
    journal = SqliteJournal(folder, SystemClock())
    ids = EventIds(SystemClock(), journal.last_event_id())
    tell("ready")
    while True:
        event = Event(
            id=ids.next(),
            time="2026-11-24T00:30:00.000Z",
            host="edge-1",
            severity="info",
            source="reconcile",
            reason=Reason.DEPLOYED,
            message="deployed " + "x" * 500,
        )
        journal.append_event(event)
        journal.remember("last", event.id)
        tell(event.id)


main(Path(sys.argv[1]))
