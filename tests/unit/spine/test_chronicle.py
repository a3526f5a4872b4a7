"""Events come in order, carry no secret, and whoever watches learns that something changed."""

from __future__ import annotations

import threading

import pytest

from agent.chronicle import MAX_MESSAGE, Note, Watchers, timestamp
from agent.core.reasons import Reason

SECRET = "hunter2-and-more"


@pytest.fixture
def chronicle(spine):
    spine.secrets.values["password"] = SECRET
    return spine.chronicle


def test_times_are_utc_with_milliseconds():
    assert timestamp(0.0) == "1970-01-01T00:00:00.000Z"
    assert timestamp(1_800_000_000.5004) == "2027-01-15T08:00:00.500Z"


def test_an_event_is_stored_with_everything_the_note_says(spine, chronicle):
    note = Note(
        reason=Reason.DEPLOYED,
        message="done",
        severity="warning",
        source="engine",
        workload="shop",
        revision="abc",
        data={"seconds": 1.5},
    )
    written = chronicle.write(note)
    assert spine.journal.recent_events(10) == (written,)
    assert (written.host, written.severity, written.source, written.reason) == (
        "edge-1",
        "warning",
        "engine",
        Reason.DEPLOYED,
    )
    assert (written.workload, written.revision, written.data) == ("shop", "abc", {"seconds": 1.5})


def test_secrets_are_taken_out_of_the_message_and_of_all_data(chronicle):
    data = {
        "text": f"a {SECRET}",
        "list": [f"b {SECRET}", [f"c {SECRET}"]],
        "tuple": (f"d {SECRET}",),
        "inner": {"deep": f"e {SECRET}"},
        "number": 7,
    }
    event = chronicle.write(Note(reason=Reason.STEP_FAILED, message=f"it said {SECRET}", data=data))
    assert SECRET not in repr(event.as_dict())
    assert event.message == "it said ***"
    assert event.data == {
        "text": "a ***",
        "list": ["b ***", ["c ***"]],
        "tuple": ["d ***"],
        "inner": {"deep": "e ***"},
        "number": 7,
    }


def test_a_secret_at_the_end_of_a_long_message_leaves_no_part_of_it(chronicle):
    event = chronicle.write(Note(reason=Reason.STEP_FAILED, message="x" * (MAX_MESSAGE - 4) + SECRET))
    assert len(event.message) <= MAX_MESSAGE
    assert "hunt" not in event.message


def test_events_are_counted_by_severity(chronicle):
    for severity in ("info", "error", "info"):
        chronicle.write(Note(reason=Reason.HEALTHY, message="", severity=severity))
    assert chronicle.counts == {"info": 2, "error": 1}


def test_ids_and_times_grow_in_the_order_in_which_events_are_stored(spine, chronicle):
    def write() -> None:
        for number in range(50):
            chronicle.write(Note(reason=Reason.HEALTHY, message=str(number)))

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stored = [event for _, event in spine.journal.unflushed_events(1000)]
    assert len(stored) == 200
    assert [one.id for one in stored] == sorted({one.id for one in stored})
    assert [one.time for one in stored] == sorted(one.time for one in stored)


def test_who_watches_is_told_after_the_event_is_stored_and_not_after_leaving(spine, chronicle):
    seen = []
    leave = chronicle.watchers.subscribe(lambda: seen.append(len(spine.journal.recent_events(10))))
    chronicle.write(Note(reason=Reason.HEALTHY, message=""))
    leave()
    leave()
    chronicle.write(Note(reason=Reason.HEALTHY, message=""))
    assert seen == [1]


def test_a_reader_that_went_away_is_dropped_and_the_others_are_told():
    watchers = Watchers()
    told = []

    def gone() -> None:
        told.append("gone")
        raise RuntimeError("event loop is closed")

    watchers.subscribe(gone)
    watchers.subscribe(lambda: told.append("here"))
    watchers.tell()
    watchers.tell()
    assert told == ["gone", "here", "here"]


def test_a_reader_that_leaves_while_it_is_being_told_is_no_error():
    """Two threads tell at once, or the reader unsubscribes in its own last call: it is gone already when dropped."""
    watchers = Watchers()
    leave = []

    def leaving() -> None:
        leave[0]()
        raise RuntimeError("event loop is closed")

    leave.append(watchers.subscribe(leaving))
    watchers.tell()
    watchers.tell()
