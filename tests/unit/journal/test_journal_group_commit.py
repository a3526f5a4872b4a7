"""Many threads that store at once share commits; each gets its own answer, and nothing is doubled or out of order."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

import pytest
from support.journal_parts import EventMaker, MovedClock

from agent.core.reasons import Reason
from agent.errors import Transient
from agent.journal.journal import FILE_NAME, SqliteJournal

LATER = 1_900_000_000.0
FULL = Transient(Reason.DISK_FULL, "the disk is full")


def held(journal: SqliteJournal) -> Callable[[], None]:
    """Keep the journal busy; the result lets it go on."""
    inside, go_on = threading.Event(), threading.Event()

    def work(_: sqlite3.Connection) -> None:
        inside.set()
        go_on.wait(10)

    thread = threading.Thread(target=journal._database.read, args=(work,))
    thread.start()
    inside.wait(10)

    def release() -> None:
        go_on.set()
        thread.join()

    return release


def commits(journal: SqliteJournal) -> list[bool]:
    """Whether each transaction from now on is a durable one, in order."""
    seen: list[bool] = []
    write = journal._database.write

    def counted(work, *, durable=False):
        seen.append(durable)
        return write(work, durable=durable)

    journal._database.write = counted
    return seen


def test_each_of_many_threads_gets_its_own_answer(journal: SqliteJournal, events: EventMaker) -> None:
    answers: list[tuple[str, bool]] = []

    def send(number: int) -> None:
        for turn in range(20):
            received = events.received(delivery=f"{number}-{turn}")
            answers.append((received.id, journal.receive([received], [f"shared-{turn}"], until=LATER)))

    threads = [threading.Thread(target=send, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken = [event_id for event_id, new in answers if new]
    assert len(answers) == 160
    assert len(taken) == 20
    assert sorted(one.id for one in journal.pending_events(1_000)) == sorted(taken)


def test_what_waits_for_a_busy_journal_shares_few_commits_and_keeps_its_order(
    journal: SqliteJournal, events: EventMaker
) -> None:
    seen = commits(journal)
    release = held(journal)
    received = [events.received() for _ in range(100)]
    answers = [journal.submit([one], [one.id], until=LATER) for one in received]
    release()
    assert all(answer.result(10) for answer in answers)
    assert len(seen) <= 2
    assert all(seen)
    assert journal.pending_events(1_000) == tuple(received)


def test_a_duplicate_within_one_commit_is_one_too(journal: SqliteJournal, events: EventMaker) -> None:
    release = held(journal)
    keys = (["a"], ["a", "b"], ["b"], ["c"])
    received = [events.received() for _ in keys]
    answers = [journal.submit([one], wanted, until=LATER) for one, wanted in zip(received, keys, strict=True)]
    release()
    assert [answer.result(10) for answer in answers] == [True, False, True, True]
    assert journal.pending_events(10) == (received[0], received[2], received[3])


def test_a_commit_that_fails_fails_all_that_share_it_and_the_next_one_succeeds(
    tmp_path: Path, journal: SqliteJournal, events: EventMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = journal._database.write

    def refuse(_work: object, *, durable: bool = False) -> None:
        raise FULL

    monkeypatch.setattr(journal._database, "write", refuse)
    answers = [journal.submit([events.received()], [str(number)], until=LATER) for number in range(5)]
    assert {answer.exception(10) for answer in answers} == {FULL}
    with pytest.raises(Transient, match="the disk is full"):
        journal.receive([events.received()], ["0"], until=LATER)
    monkeypatch.setattr(journal._database, "write", write)
    assert journal.receive([events.received()], ["0"], until=LATER)
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    assert connection.execute("SELECT count(*) FROM inbox").fetchone() == (1,)
    connection.close()


def test_a_file_that_another_process_has_locked_is_a_transient_for_the_sender(
    tmp_path: Path, journal: SqliteJournal, events: EventMaker
) -> None:
    journal._database.read(lambda connection: connection.execute("PRAGMA busy_timeout = 20").fetchone())
    other = sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Transient, match="another process has locked it"):
        journal.receive([events.received()], [], until=LATER)
    other.execute("ROLLBACK")
    other.close()
    assert journal.receive([events.received()], [], until=LATER)


def test_what_is_submitted_before_the_end_is_stored_and_what_comes_later_is_refused(
    tmp_path: Path, clock: MovedClock, events: EventMaker
) -> None:
    journal = SqliteJournal(tmp_path, clock)
    release = held(journal)
    one = events.received()
    answer = journal.submit([one], ["k"], until=LATER)
    closing = threading.Thread(target=journal.close)
    closing.start()
    release()
    closing.join(10)
    assert answer.result(10)
    with pytest.raises(Transient, match="it is closed"):
        journal.receive([events.received()], [], until=LATER)
    journal.append_delivery(events.delivery())
    journal.close()
    again = SqliteJournal(tmp_path, clock)
    assert again.pending_events(10) == (one,)
    assert again.recent_deliveries(10) == ()
    again.close()


def test_whoever_stops_waiting_cancels_nothing(journal: SqliteJournal, events: EventMaker) -> None:
    release = held(journal)
    one = events.received()
    answer = journal.submit([one], [], until=LATER)
    assert not answer.cancel()
    release()
    assert answer.result(10)
    assert journal.pending_events(10) == (one,)


def test_an_event_loop_gets_the_results_of_one_commit_by_one_call(journal: SqliteJournal, events: EventMaker) -> None:
    posts: list[int] = []

    async def deliver() -> list[bool]:
        loop = asyncio.get_running_loop()

        def post(function: Callable[[], None]) -> None:
            posts.append(threading.get_ident())
            loop.call_soon_threadsafe(function)

        release = held(journal)
        answers = [journal.submit([events.received()], [], until=LATER, post=post) for _ in range(50)]
        await asyncio.to_thread(release)
        return await asyncio.gather(*(asyncio.wrap_future(answer) for answer in answers))

    assert asyncio.run(deliver()) == [True] * 50
    assert len(posts) <= 2
    assert threading.get_ident() not in posts


def test_an_event_loop_that_is_gone_harms_nobody(journal: SqliteJournal, events: EventMaker) -> None:
    loop = asyncio.new_event_loop()
    loop.close()
    lost: Future[bool] = journal.submit([events.received()], [], until=LATER, post=loop.call_soon_threadsafe)
    assert journal.receive([events.received()], [], until=LATER)
    assert not lost.done()
    assert journal.inbox_depth() == 2
