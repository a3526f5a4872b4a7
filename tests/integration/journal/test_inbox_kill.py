"""kill -9 at any moment: each delivery that was answered is in the inbox, once, and is known when it comes again."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
from pathlib import Path

from agent.clock import SystemClock
from agent.core.inbound import InboundEvent
from agent.core.inbox import Received
from agent.journal.ids import EventIds
from agent.journal.journal import FILE_NAME, SqliteJournal

CHILD = Path(__file__).with_name("receive_forever.py")
KILLS = 15
THREADS = 4
ID_LENGTH = 26


def killed_child(folder: Path, after: int) -> list[str]:
    """Let a child receive, kill it somewhere behind its `after`th answer; return what it answered."""
    child = subprocess.Popen([sys.executable, str(CHILD), str(folder)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    lines = [child.stdout.readline() for _ in range(after)]
    child.kill()
    lines += child.stdout.readlines()
    child.wait()
    child.stdout.close()
    # The last line may have been cut; it is only an answer when it arrived whole.
    return [line.strip() for line in lines if len(line) == ID_LENGTH + 1]


def test_every_answered_delivery_survives_kill_9_exactly_once(tmp_path: Path) -> None:
    chance = random.Random(20261124)
    answered: list[str] = []
    for _ in range(KILLS):
        answered += killed_child(tmp_path, after=chance.randrange(100))
    journal = SqliteJournal(tmp_path, SystemClock())
    kept = [one.id for one in journal.pending_events(1_000_000)]
    assert journal.notes == ()
    assert len(kept) == len(set(kept))
    assert set(answered) <= set(kept)
    # Between storing and answering there is at most one delivery a thread.
    assert len(kept) - len(answered) <= KILLS * THREADS
    ids = EventIds(SystemClock())
    for known in chance.sample(kept, 20):
        again = Received(id=ids.next(), trigger="ci-push", time="t", event=InboundEvent(type="manual"))
        assert not journal.receive([again], [known], until=9e9)
    journal.close()
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
