"""`pierhead fire`: stored in the agent's journal, and told what the agent made of it."""

from __future__ import annotations

import getpass
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.cli.main import main
from agent.clock import SystemClock
from agent.core.inbound import MANUAL
from agent.core.inbox import Received
from agent.journal.journal import SqliteJournal

Answer = Callable[[SqliteJournal, Received], None]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Host settings of an agent whose data is in a folder of its own."""
    path = tmp_path / "agent.yaml"
    path.write_text(f"repo: {{url: https://git.example.com/ops/config.git}}\ndata_dir: {tmp_path / 'data'}\n")
    return path


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[SqliteJournal]:
    (tmp_path / "data").mkdir()
    one = SqliteJournal(tmp_path / "data", SystemClock())
    yield one
    one.close()


@pytest.fixture
def agent(journal: SqliteJournal) -> Iterator[Callable[[Answer], None]]:
    """An agent that answers whatever it finds in its inbox."""
    ended = threading.Event()
    threads: list[threading.Thread] = []

    def begin(answer: Answer) -> None:
        def run() -> None:
            while not ended.wait(0.01):
                for received in journal.pending_events(10):
                    answer(journal, received)

        threads.append(threading.Thread(target=run))
        threads[-1].start()

    yield begin
    ended.set()
    for one in threads:
        one.join(10)


def fire(config: Path, *more: str) -> int:
    return main(["fire", "nightly", "--config", str(config), *more])


def settles(outcome: str, *, failed: bool = False) -> Answer:
    return lambda journal, received: journal.settle([received.id], outcome, failed=failed)


def test_what_the_agent_made_of_it_is_told(config, agent, journal, capsys) -> None:
    agent(settles("fired 1 of 2"))
    assert fire(config) == 0
    received = journal.last_received("nightly")
    assert received is not None
    assert capsys.readouterr().out == f"nightly: fired 1 of 2 ({received.id})\n"
    assert (received.event.type, received.event.subject) == (MANUAL, getpass.getuser())


@pytest.mark.parametrize(
    "outcome", ["fired 0 of 2", "there is no trigger of that name", "no workload of this host is bound to it"]
)
def test_nothing_fired_exits_with_one(config, agent, capsys, outcome: str) -> None:
    agent(settles(outcome))
    assert fire(config) == 1
    assert outcome in capsys.readouterr().out


def test_what_failed_exits_with_one(config, agent, capsys) -> None:
    agent(settles("waited in vain", failed=True))
    assert fire(config) == 1
    assert "waited in vain" in capsys.readouterr().out


def test_a_look_that_was_asked_for_is_no_failure(config, agent) -> None:
    agent(settles("looks by itself now; what it finds comes as an event of its own"))
    assert fire(config) == 0


def test_without_an_agent_the_event_is_stored_for_its_return(config, journal, capsys) -> None:
    assert fire(config, "--wait", "0.2") == 0
    [received] = journal.pending_events(10)
    told = f"nightly: stored as {received.id}, no agent has looked at it yet; it is acted upon as soon as"
    assert capsys.readouterr().out == f"{told} that is possible\n"


def test_why_an_event_waits_is_told(config, agent, capsys) -> None:
    agent(lambda journal, received: journal.postpone([received.id], 9e9, "RegistryUnavailable: no answer"))
    assert fire(config, "--wait", "0.3") == 0
    assert ": RegistryUnavailable: no answer; it is acted upon" in capsys.readouterr().out


def test_without_a_journal_the_data_folder_is_asked_for(config, tmp_path, capsys) -> None:
    assert fire(config) == 1
    said = capsys.readouterr().err
    assert f"expected the journal of an agent in {tmp_path / 'data'}, found none" in said
    assert "--data-dir" in said
    assert not (tmp_path / "data").exists()


def test_a_user_without_a_name_is_one_of_the_host(config, journal, monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("uid")

    monkeypatch.setattr(getpass, "getuser", nameless)
    assert fire(config, "--wait", "0") == 0
    received = journal.last_received("nightly")
    assert received is not None
    assert received.event.text == "fired by hand by a user of the host"


def test_ids_go_on_from_those_of_the_agent(config, journal) -> None:
    fire(config, "--wait", "0")
    fire(config, "--wait", "0")
    first, second = journal.pending_events(10)
    assert first.id < second.id
