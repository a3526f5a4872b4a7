"""What is remembered of a workload survives the process and is told apart by workload."""

from __future__ import annotations

import pytest
from fakes.clock import FakeClock

from agent.journal.journal import SqliteJournal
from agent.journal.reading import ReadOnlyJournal
from agent.memory import Memory


@pytest.fixture
def journal(tmp_path):
    journal = SqliteJournal(tmp_path, FakeClock())
    yield journal
    journal.close()


def test_nothing_is_known_of_a_workload_never_kept(journal):
    memory = Memory(journal)
    assert (memory.prune("a"), memory.deployed("a")) == (None, "")


def test_the_next_process_knows_what_this_one_kept(journal):
    Memory(journal).keep("a", prune=False, deployed="1:f")
    Memory(journal).keep("b", prune=True, deployed="1:e")
    later = Memory(journal)
    assert [later.prune("a"), later.prune("b")] == [False, True]
    assert [later.deployed("a"), later.deployed("b")] == ["1:f", "1:e"]


def test_a_deploy_in_progress_keeps_the_last_complete_version(journal):
    memory = Memory(journal)
    memory.keep("a", prune=True, deployed="1:f")
    memory.keep("a", prune=True, deployed=None)
    assert Memory(journal).deployed("a") == "1:f"


def test_a_workload_that_is_gone_is_forgotten(journal):
    memory = Memory(journal)
    memory.keep("a", prune=False, deployed="1:f")
    memory.forget("a")
    assert (Memory(journal).prune("a"), Memory(journal).deployed("a")) == (None, "")


def test_a_preview_reads_what_is_kept_and_keeps_nothing(journal):
    Memory(journal).keep("a", prune=False, deployed="1:f")
    preview = Memory(ReadOnlyJournal(journal))
    assert preview.prune("a") is False
    preview.keep("a", prune=True, deployed="1:0")
    later = Memory(journal)
    assert (later.prune("a"), later.deployed("a")) == (False, "1:f")
