"""A child process for the kill test: receives in several threads and tells the id of each delivery that was stored."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

from agent.clock import SystemClock
from agent.core.inbound import InboundEvent
from agent.core.inbox import Received
from agent.journal.ids import EventIds
from agent.journal.journal import SqliteJournal

THREADS = 4


def tell(line: str) -> None:
    os.write(sys.stdout.fileno(), f"{line}\n".encode())


def receive(journal: SqliteJournal, ids: EventIds) -> None:
    while True:
        event_id = ids.next()
        event = InboundEvent(type="image_push", image="registry.example.com/shop", image_tag="x" * 500)
        received = Received(id=event_id, trigger="ci-push", time="2026-11-24T00:30:00.000Z", event=event)
        if journal.receive([received], [event_id], until=9e9):
            tell(event_id)


def main(folder: Path) -> None:
    journal = SqliteJournal(folder, SystemClock())
    ids = EventIds(SystemClock())
    tell("ready")
    for _ in range(THREADS):
        threading.Thread(target=receive, args=(journal, ids)).start()


main(Path(sys.argv[1]))
