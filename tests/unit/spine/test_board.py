"""The board holds the newest record; only what differs counts as a change."""

from __future__ import annotations

import dataclasses

import pytest
from fakes.clock import FakeClock

from agent.board import Board, Identity
from agent.chronicle import Watchers, timestamp
from agent.core.problems import Position, Problem
from agent.core.reasons import Phase, Reason
from agent.core.status import WorkloadStatus

SHOP = WorkloadStatus(
    name="shop", id="a1", phase=Phase.SYNCED, reason=Reason.CONVERGED, message="as wanted", since="ignored"
)
DB = dataclasses.replace(SHOP, name="db", id="b2", phase=Phase.FAILED, reason=Reason.CONTAINER_EXITED)
PROBLEM = Problem(position=Position("a.yaml", 1, 1), code="X", expected="a", found="b", fix="c")


class Room:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.watchers = Watchers()
        self.told = 0
        self.watchers.subscribe(self.count)
        identity = Identity(host="edge-1", version="0.1.0", repository="r", branch="main")
        self.board = Board(identity, self.clock, self.watchers)

    def count(self) -> None:
        self.told += 1


@pytest.fixture
def room():
    return Room()


@pytest.fixture
def board(room):
    return room.board


def test_the_same_record_twice_changes_nothing_and_tells_nobody(room, board):
    assert board.record(SHOP)
    room.clock.advance(60)
    assert not board.record(SHOP)
    assert (board.version, room.told) == (1, 1)


def test_since_is_kept_while_phase_and_reason_stay_and_set_when_they_change(room, board):
    board.record(SHOP)
    begun = timestamp(room.clock.now())
    room.clock.advance(60)
    assert board.record(dataclasses.replace(SHOP, message="other words"))
    assert board.get("a1").since == begun
    assert board.record(dataclasses.replace(SHOP, reason=Reason.HEALTHY))
    assert board.get("a1").since == timestamp(room.clock.now())


def test_listeners_hear_of_changes_only_and_get_the_record_as_it_stands(board):
    heard = []
    board.on_record(heard.append)
    board.record(SHOP)
    board.record(SHOP)
    assert heard == [board.get("a1")]


def test_records_are_found_by_id_and_by_name(board):
    board.record(SHOP)
    board.record(DB)
    assert board.get("b2").name == "db"
    assert board.named("shop").id == "a1"
    assert board.get("none") is None
    assert board.named("none") is None
    assert board.ids() == {"a1", "b2"}


def test_unsettled_is_what_is_neither_synced_nor_suspended(board):
    board.record(SHOP)
    board.record(dataclasses.replace(SHOP, id="c3", name="old", phase=Phase.SUSPENDED, reason=Reason.SUSPENDED))
    board.record(DB)
    assert [one.name for one in board.unsettled()] == ["db"]


def test_dropping_forgets_and_is_a_change_only_once(room, board):
    board.record(SHOP)
    board.drop("a1")
    board.drop("a1")
    assert board.get("a1") is None
    assert (board.version, room.told) == (2, 2)


def test_a_condition_counts_when_it_comes_changes_or_goes(room, board):
    assert not board.condition("engine", None)
    assert board.condition("engine", "away")
    assert not board.condition("engine", "away")
    assert board.condition("engine", "forbidden")
    assert board.conditions == ("engine",)
    assert board.condition("engine", None)
    assert board.conditions == ()
    assert (board.version, room.told) == (3, 3)


def test_the_followed_revision_and_its_problems_count_when_either_changes(room, board):
    board.follow("abc", [])
    board.follow("abc", [])
    assert board.version == 1
    board.follow("abc", [PROBLEM])
    board.follow("def", [PROBLEM])
    assert (board.version, room.told) == (3, 3)


def test_the_status_is_everything_sorted_by_name(room, board):
    board.record(SHOP)
    board.record(DB)
    board.follow("abc", [PROBLEM])
    board.condition("engine", "away")
    status = board.status()
    assert list(status.workloads) == ["db", "shop"]
    assert (status.host, status.version, status.repository, status.branch) == ("edge-1", "0.1.0", "r", "main")
    assert (status.revision, status.problems, status.conditions) == ("abc", (PROBLEM,), {"engine": "away"})
    assert status.updated_at == timestamp(room.clock.now())


def test_a_status_taken_earlier_does_not_change_any_more(board):
    board.condition("engine", "away")
    status = board.status()
    board.condition("engine", None)
    board.record(SHOP)
    assert status.conditions == {"engine": "away"}
    assert status.workloads == {}


def test_the_very_same_record_goes_up_again_after_a_commit_outdated_it_or_it_was_dropped(board):
    board.record(SHOP)
    board.follow("abc", (), {"a1"})
    assert board.get("a1").phase is Phase.PROGRESSING
    assert board.record(SHOP)
    assert board.get("a1").phase is Phase.SYNCED
    board.drop("a1")
    assert board.record(SHOP)
    assert board.get("a1") is not None


def test_a_record_goes_up_again_after_another_one_took_its_place(board):
    board.record(SHOP)
    board.record(dataclasses.replace(SHOP, phase=Phase.PROGRESSING))
    assert board.record(SHOP)
    assert board.get("a1").phase is Phase.SYNCED
