"""A journal in a folder of its own, and what makes events for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.journal_parts import EventMaker, MovedClock

from agent.journal.journal import SqliteJournal


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
def events(clock: MovedClock) -> EventMaker:
    return EventMaker(clock)


@pytest.fixture
def journal(tmp_path: Path, clock: MovedClock) -> Iterator[SqliteJournal]:
    opened = SqliteJournal(tmp_path, clock)
    yield opened
    opened.close()
