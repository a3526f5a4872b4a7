"""A preview beside a running agent sees what triggers keep in the journal and changes nothing of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from support.journal_parts import EventMaker, MovedClock

from agent.core.requests import Request
from agent.core.runs import Run
from agent.journal.journal import SqliteJournal
from agent.journal.reading import ReadOnlyJournal

LATER = 1_900_000_000.0
ASKED = Request(id="1", workload_id="a", workload="a", action="run", trigger="t", event="e", time="t", why="w")
RUN = Run(id="1", workload_id="a", workload="a", trigger="t", event="e", state="running", requested="r")


def test_everything_is_read_and_nothing_is_written(
    tmp_path: Path, journal: SqliteJournal, clock: MovedClock, events: EventMaker
) -> None:
    received, record = events.received(), events.delivery()
    journal.receive([received], ["k"], until=LATER)
    journal.append_delivery(record)
    journal.request(ASKED)
    journal.save_run(RUN)
    journal.save_poll("shop", b"state")
    journal.recent_deliveries(1)
    preview = ReadOnlyJournal(SqliteJournal(tmp_path, clock))
    assert not preview.changed_by_others()

    assert preview.receive([events.received()], ["k"], until=LATER)
    assert preview.submit([events.received()], ["k"], until=LATER).result(0)
    preview.settle([received.id], "done")
    preview.postpone([received.id], LATER, "later")
    preview.append_delivery(events.delivery())
    preview.mark_deliveries_flushed(1_000)
    preview.request(replace(ASKED, id="2"))
    preview.close_request("1", "done")
    preview.save_run(replace(RUN, id="2"))
    preview.keep_runs("a", 0)
    preview.save_poll("blog", b"state")
    preview.forget_polls([])
    assert not journal.changed_by_others()

    assert preview.pending_events(10) == (received,)
    assert preview.inbox_depth() == 1
    assert preview.last_received("ci-push") == received
    assert preview.recent_deliveries(10) == (record,)
    assert preview.unflushed_deliveries(10) == ()
    assert preview.deliveries_dropped == 0
    assert preview.requests() == (ASKED,)
    assert preview.runs() == preview.open_runs() == (RUN,)
    assert preview.load_poll("shop") == b"state"
    assert [one.id for _, one in journal.unflushed_deliveries(10)] == [record.id]
    preview.close()
