"""What one more event costs when the log already holds 100,000."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from agent.clock import SystemClock
from agent.core.eventlog import Event
from agent.core.reasons import Reason
from agent.journal.ids import EventIds
from agent.journal.journal import SqliteJournal
from bench.result import Result, median, seconds_of

ROUNDS = 1000


def run(*, quick: bool) -> list[Result]:
    """One result: the cost with a full log against the cost with an empty one."""
    held = 5_000 if quick else 100_000
    clock = SystemClock()
    ids = EventIds(clock, None)

    def event() -> Event:
        return Event(
            id=ids.next(),
            time="2026-11-24T00:30:00.000Z",
            host="bench",
            severity="info",
            source="reconcile",
            reason=Reason.DEPLOYED,
            message="configuration changed",
            workload="web",
            revision="c0ffee" * 6 + "c0ff",
            data={"seconds": 1.234},
        )

    with TemporaryDirectory(prefix="pierhead-bench-") as folder:
        journal = SqliteJournal(Path(folder), clock)
        try:
            empty = [seconds_of(lambda: journal.append_event(event())) for _ in range(ROUNDS)]
            for _ in range(held - ROUNDS):
                journal.append_event(event())
            full = [seconds_of(lambda: journal.append_event(event())) for _ in range(ROUNDS)]
        finally:
            journal.close()
    return [
        Result(
            name=f"one more event with {held:,} in the log",
            value=median(full) / median(empty),
            unit="x",
            limit=1.5,
            against=f"with none in the log: {median(empty) * 1e6:.0f} µs, now {median(full) * 1e6:.0f} µs",
        )
    ]
