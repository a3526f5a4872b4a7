"""Deliveries are written back beside events, in the same commit and by the same rules; any clone reads them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.documents import ALL_SCHEMAS
from support.git_server import git
from support.writeback import StillClock, event, status

from agent.core.deliveries import DeliveryRecord
from agent.repository.destination import LocalDestination
from agent.repository.history import History
from agent.repository.record import GitRecorder
from agent.settings import WriteBackSettings

BRANCH = "refs/heads/pierhead/edge-1"


def recorder(repository: Path, **fields: bool) -> GitRecorder:
    return GitRecorder(LocalDestination(repository), "edge-1", WriteBackSettings(**fields), StillClock())


def delivery(number: int, *, day: str = "2026-11-23", outcome: str = "accepted", reason: str = "") -> DeliveryRecord:
    """One delivery; ids sort by number."""
    return DeliveryRecord(
        id=f"{day}-{number:08}",
        time=f"{day}T10:{number // 60 % 60:02}:{number % 60:02}.000Z",
        host="edge-1",
        direction="in",
        trigger="ci-push",
        outcome=outcome,
        reason=reason,
    )


def names(repository: Path, folder: str = "deliveries") -> list[str]:
    return git(repository, "ls-tree", "--name-only", f"{BRANCH}:{folder}").splitlines()


def ids(repository: Path) -> list[str]:
    """Of all deliveries, segment by segment in order."""
    segments = sorted(names(repository), key=lambda name: (name[:10], len(name), name))
    lines = "\n".join(git(repository, "show", f"{BRANCH}:deliveries/{name}") for name in segments).splitlines()
    return [json.loads(line)["id"] for line in lines]


def commits(repository: Path) -> int:
    return int(git(repository, "rev-list", "--count", BRANCH))


@pytest.fixture
def head(config) -> str:
    return config.push({"workloads/shop.yaml": "kind: Workload\n"})


def test_events_and_deliveries_go_into_one_commit_that_tells_of_both(config, head):
    records = [delivery(1), delivery(2, outcome="refused", reason="no signature"), delivery(3)]
    recorder(config.bare).flush(status(head), [event(1)], records)
    assert commits(config.bare) == 1
    assert names(config.bare, "events") == names(config.bare) == ["2026-11-23.jsonl"]
    message = git(config.bare, "log", "-1", "--format=%B", BRANCH)
    assert "- shop: Deployed: shop is healthy" in message
    assert "- deliveries: 2 accepted, 1 refused" in message


def test_every_line_is_what_the_schema_says(config, head):
    recorder(config.bare).flush(status(head), [], [delivery(1), delivery(2, reason="half \udc80 a character")])
    lines = git(config.bare, "show", f"{BRANCH}:deliveries/2026-11-23.jsonl").splitlines()
    assert [ALL_SCHEMAS.check("delivery", json.loads(line)) for line in lines] == [(), ()]


def test_deliveries_alone_are_written_once_and_leave_the_rest_of_the_branch_alone(config, head):
    one = recorder(config.bare)
    one.flush(status(head), [event(1)])
    before = git(config.bare, "rev-parse", f"{BRANCH}:events", f"{BRANCH}:status.json", "refs/notes/pierhead/edge-1")
    one.flush(status(head), [], [delivery(1)])
    one.flush(status(head), [], [delivery(1)])
    one.flush(status(head), [])
    assert commits(config.bare) == 2
    assert ids(config.bare) == [delivery(1).id]
    after = git(config.bare, "rev-parse", f"{BRANCH}:events", f"{BRANCH}:status.json", "refs/notes/pierhead/edge-1")
    assert after == before


def test_a_flush_repeated_after_a_crash_doubles_no_delivery(config, head):
    records = [delivery(number, reason="x" * 1000) for number in range(600)]
    recorder(config.bare).flush(status(head), [], records)
    recorder(config.bare).flush(status(head), [], [*records[300:], delivery(600)])
    assert len(names(config.bare)) == 3
    assert ids(config.bare) == [delivery(number).id for number in range(601)]


def test_old_segments_of_deliveries_are_dropped_when_some_are_written(config, head):
    one = recorder(config.bare)
    one.flush(status(head), [], [delivery(1, day="2026-10-01"), delivery(2, day="2026-11-20")])
    one.retention = 5
    one.flush(status(head), [event(1)])
    assert names(config.bare) == ["2026-10-01.jsonl", "2026-11-20.jsonl"]
    one.flush(status(head), [], [delivery(3)])
    assert names(config.bare) == ["2026-11-20.jsonl", "2026-11-23.jsonl"]


def test_without_the_branch_no_delivery_is_written(config, head):
    recorder(config.bare, branch=False).flush(status(head), [], [delivery(1)])
    assert git(config.bare, "for-each-ref", "refs/heads/pierhead") == ""


def test_deliveries_are_read_newest_first_back_to_a_time(config, head):
    one = recorder(config.bare)
    one.flush(status(head), [event(9)], [delivery(1, day="2026-11-21"), delivery(2), delivery(3)])
    history = History(config.bare)
    assert [record["id"] for record in history.deliveries("edge-1")] == [
        delivery(3).id,
        delivery(2).id,
        delivery(1, day="2026-11-21").id,
    ]
    assert [record["id"] for record in history.deliveries("edge-1", "2026-11-23T10:00:03.000Z")] == [delivery(3).id]
    assert list(history.deliveries("edge-2")) == []
    assert [record["id"] for record in history.events("edge-1")] == [event(9).id]


def test_a_host_without_deliveries_has_none(config, head):
    recorder(config.bare).flush(status(head), [event(1)])
    assert list(History(config.bare).deliveries("edge-1")) == []
