"""Requests, runs and what pollers know: kept until they are done, bounded, and the same after a restart."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from support.journal_parts import MovedClock

from agent.core.requests import Request
from agent.core.runs import Run
from agent.journal import requests
from agent.journal.journal import FILE_NAME, SqliteJournal


def ask(request_id: str, action: str = "redeploy", workload: str = "shop", why: str = "fired by hand") -> Request:
    return Request(
        id=request_id,
        workload_id=f"id-{workload}",
        workload=workload,
        action=action,
        trigger="nightly",
        event="01KA",
        time="2026-11-24T00:30:00.000Z",
        why=why,
    )


def run(run_id: str, state: str = "running", workload: str = "shop", **fields: object) -> Run:
    return Run(
        id=run_id,
        workload_id=f"id-{workload}",
        workload=workload,
        trigger="nightly",
        event="01KA",
        state=state,
        requested="2026-11-24T00:30:00.000Z",
        **fields,
    )


def test_open_requests_come_back_whole_and_oldest_first_after_a_restart(
    tmp_path: Path, journal: SqliteJournal, clock: MovedClock
) -> None:
    asked = [ask("2", "run"), ask("1", "restart"), ask("3", workload="blog", why="Ünïcode \ud800\0")]
    for one in asked:
        journal.request(one)
    journal.close()
    again = SqliteJournal(tmp_path, clock)
    assert again.requests() == tuple(asked)
    assert again.requests("id-blog") == (asked[2],)
    assert again.requests("nobody") == ()
    again.close()


@pytest.mark.parametrize("action", ["redeploy", "restart"])
def test_a_newer_request_takes_the_place_of_an_open_one_of_the_same_kind(journal: SqliteJournal, action: str) -> None:
    journal.request(ask("1", action))
    journal.request(ask("2", action, workload="blog"))
    journal.request(ask("3", "run"))
    journal.request(ask("4", action))
    assert [one.id for one in journal.requests()] == ["2", "3", "4"]


def test_each_run_that_is_asked_for_is_one(journal: SqliteJournal) -> None:
    for request_id in "123":
        journal.request(ask(request_id, "run"))
    assert [one.id for one in journal.requests()] == ["1", "2", "3"]


def test_asking_again_with_the_same_id_asks_nothing_new_even_when_it_is_done(journal: SqliteJournal) -> None:
    journal.request(ask("1"))
    journal.request(ask("2"))
    journal.request(ask("1"))
    assert [one.id for one in journal.requests()] == ["2"]
    journal.close_request("2", "redeployed")
    journal.request(ask("2"))
    assert journal.requests() == ()


def test_closing_what_is_unknown_or_closed_changes_nothing(journal: SqliteJournal) -> None:
    journal.request(ask("1"))
    journal.close_request("unknown", "?")
    journal.close_request("1", "done")
    journal.close_request("1", "again")
    assert journal.requests() == ()


def test_closed_requests_are_bounded_and_open_ones_stay(
    journal: SqliteJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "KEEP_CLOSED", 5)
    journal.request(ask("open", "run"))
    for number in range(20):
        journal.request(ask(str(number), "run"))
        journal.close_request(str(number), "done")
    count = "SELECT count(*) FROM requests"
    assert journal._database.read(lambda connection: connection.execute(count).fetchone()) == (6,)
    assert [one.id for one in journal.requests()] == ["open"]


def test_a_run_is_replaced_by_its_later_state_and_keeps_its_place(
    tmp_path: Path, journal: SqliteJournal, clock: MovedClock
) -> None:
    journal.save_run(run("1", "waiting"))
    journal.save_run(run("2", "waiting"))
    ended = run("1", "failed", started="s", finished="f", exit_code=3, lines=("one", "two \ud800"), message="exit 3")
    journal.save_run(run("1", "running", started="s"))
    assert [one.id for one in journal.open_runs()] == ["1", "2"]
    journal.save_run(ended)
    assert journal.open_runs() == (run("2", "waiting"),)
    journal.close()
    again = SqliteJournal(tmp_path, clock)
    assert again.runs() == (run("2", "waiting"), ended)
    again.close()


def test_runs_are_asked_for_by_workload_newest_first(journal: SqliteJournal) -> None:
    for number in range(30):
        journal.save_run(run(f"{number:02}", "succeeded", workload="shop" if number % 2 else "blog"))
    assert [one.id for one in journal.runs(limit=2)] == ["29", "28"]
    assert [one.id for one in journal.runs("id-blog", 3)] == ["28", "26", "24"]
    assert len(journal.runs()) == 20


def test_only_the_newest_runs_of_a_workload_are_kept_and_all_that_are_open(journal: SqliteJournal) -> None:
    journal.save_run(run("a", "running"))
    for name in "bcde":
        journal.save_run(run(name, "succeeded"))
    journal.save_run(run("other", "succeeded", workload="blog"))
    journal.keep_runs("id-shop", 2)
    assert [one.id for one in journal.runs("id-shop")] == ["e", "d", "a"]
    journal.save_run(replace(run("a"), state="lost"))
    journal.keep_runs("id-shop", 0)
    assert [one.id for one in journal.runs()] == ["other"]


def test_what_a_poller_knows_is_kept_until_nobody_polls_for_it(journal: SqliteJournal, tmp_path: Path) -> None:
    assert journal.load_poll("a") is None
    for key in "abc":
        journal.save_poll(key, b"\x00old")
    journal.save_poll("a", b"\xffnew")
    journal.forget_polls(["a", "b", "unknown"])
    assert [journal.load_poll(key) for key in "abc"] == [b"\xffnew", b"\x00old", None]
    before = (tmp_path / f"{FILE_NAME}-wal").stat().st_size
    journal.forget_polls(["a", "b"])
    assert (tmp_path / f"{FILE_NAME}-wal").stat().st_size == before
    journal.forget_polls([])
    assert journal.load_poll("a") is None
