"""kill -9 at any moment: everything that was acknowledged is there, in order, and the file is sound."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
from pathlib import Path

from agent.clock import SystemClock
from agent.journal.journal import FILE_NAME, SqliteJournal

CHILD = Path(__file__).with_name("append_forever.py")
KILLS = 20
ID_LENGTH = 26


def killed_child(folder: Path, after: int) -> list[str]:
    """Let a child append, kill it somewhere behind its `after`th acknowledgement; return what it acknowledged."""
    child = subprocess.Popen([sys.executable, str(CHILD), str(folder)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    lines = [child.stdout.readline() for _ in range(after)]
    child.kill()
    lines += child.stdout.readlines()
    child.wait()
    child.stdout.close()
    # The last line may have been cut; it is only an acknowledgement when it arrived whole.
    return [line.strip() for line in lines if len(line) == ID_LENGTH + 1]


def test_every_acknowledged_event_survives_kill_9(tmp_path: Path) -> None:
    chance = random.Random(20261124)
    acknowledged: list[str] = []
    for _ in range(KILLS):
        acknowledged += killed_child(tmp_path, after=chance.randrange(60))
    journal = SqliteJournal(tmp_path, SystemClock())
    kept = [event.id for _, event in journal.unflushed_events(1_000_000)]
    journal.close()
    assert journal.notes == ()
    assert kept == sorted(set(kept))
    assert set(acknowledged) <= set(kept)
    # Between writing and acknowledging there is at most one event a child.
    assert len(kept) - len(acknowledged) <= KILLS
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()


def test_one_more_event_costs_the_same_when_the_journal_holds_100_000(tmp_path: Path) -> None:
    """By SQLite's own count of work, which is the same on every machine, where the clock is not."""
    steps = {count: _steps_of_one_append(tmp_path / str(count), count) for count in (1_000, 100_000)}
    assert steps[100_000] <= steps[1_000] * 1.1


def _steps_of_one_append(folder: Path, count: int) -> int:
    """Virtual machine instructions of one append behind `count` others."""
    journal = SqliteJournal(folder, SystemClock())
    rows = ((f"{n:026d}", f"w{n % 50}", "{}") for n in range(count))
    connection = journal._database._connect()
    connection.execute("BEGIN")
    connection.executemany("INSERT INTO events (id, workload, body) VALUES (?, ?, ?)", rows)
    connection.execute("COMMIT")
    steps = 0

    def count_step() -> int:
        nonlocal steps
        steps += 1
        return 0

    connection.set_progress_handler(count_step, 1)
    connection.execute("INSERT OR IGNORE INTO events (id, workload, body) VALUES ('Z', 'w1', '{}')")
    connection.set_progress_handler(None, 1)
    journal.close()
    return steps
