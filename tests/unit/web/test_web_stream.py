"""Streams: notified of every change, bounded in number, and nobody waits for a slow reader."""

from __future__ import annotations

import asyncio
import re
import threading

import pytest
from fakes.view import END
from support.asgi import Client, Reader

from agent.core.reasons import Reason
from agent.errors import Transient
from agent.web import logs as logs_module
from agent.web import stream as stream_module
from agent.web.app import close, create_app
from agent.web.options import WebOptions

STREAM = "/api/v1/stream"
FOLLOW = "/api/v1/workloads/shop/logs?follow=1&tail=2"


def ids(text: str) -> list[str]:
    return re.findall(r"^id: (.+)$", text, re.MULTILINE)


async def leave(reader: Reader) -> None:
    reader.leave()
    await reader.ended()


def test_a_reader_is_greeted_and_told_of_a_change(client, view):
    async def scene():
        reader = Reader(client.app, STREAM)
        hello = await reader.until("event: hello")
        assert dict(reader.sent[0]["headers"])[b"content-type"].startswith(b"text/event-stream")
        threading.Thread(target=view.change, args=("db",), kwargs={"message": "other"}).start()
        text = await reader.until("event: change")
        await leave(reader)
        assert ids(hello)[0] != ids(text)[-1]

    client.run(scene)


def test_a_quiet_stream_shows_that_it_lives(client):
    async def scene():
        reader = Reader(client.app, STREAM)
        await reader.until(": heartbeat")
        await leave(reader)

    client.run(scene)


def test_many_changes_at_once_are_few_notifications(client, view):
    async def scene():
        reader = Reader(client.app, STREAM)
        await reader.until("hello")
        for number in range(500):
            view.change("db", message=str(number))
        await reader.until("event: change")
        await reader.until(": heartbeat")
        await leave(reader)
        assert 1 <= reader.text.count("event: change") <= 3
        assert ids(reader.text)[-1].endswith("-500")

    client.run(scene)


def test_a_reader_that_comes_back_is_told_whether_it_missed_something(client, view):
    async def scene():
        reader = Reader(client.app, STREAM)
        seen = ids(await reader.until("hello"))[0]
        await leave(reader)
        same = Reader(client.app, STREAM, {"last-event-id": seen})
        await same.until("event: hello")
        await leave(same)
        view.tell()
        missed = Reader(client.app, STREAM, {"last-event-id": seen})
        await missed.until("event: change")
        await leave(missed)
        other_process = Reader(client.app, STREAM, {"last-event-id": "0000-7"})
        await other_process.until("event: change")
        await leave(other_process)

    client.run(scene)


def test_readers_are_bounded_and_a_place_is_free_again(view, ingress):
    options = WebOptions(version="0", host="h", max_streams=2, heartbeat=60)
    with Client(create_app(view, ingress, options)) as client:

        async def scene():
            first, second = Reader(client.app, STREAM), Reader(client.app, STREAM)
            await first.until("hello")
            await second.until("hello")
            third = Reader(client.app, STREAM)
            await third.ended()
            assert third.status == 503
            await leave(first)
            fourth = Reader(client.app, STREAM)
            await fourth.until("hello")
            await leave(second)
            await leave(fourth)

        client.run(scene)


def test_a_reader_that_stops_reading_is_cut_off(client, view, monkeypatch):
    monkeypatch.setattr(stream_module, "SEND_TIMEOUT", 0.05)

    async def scene():
        reader = Reader(client.app, STREAM)
        await reader.until("hello")
        reader.stuck = True
        view.tell()
        await reader.ended()

    client.run(scene)
    assert client.run(lambda: one_more(client)) == 200


async def one_more(client: Client) -> int:
    reader = Reader(client.app, STREAM)
    await reader.until("hello")
    await leave(reader)
    return reader.status


def test_closing_ends_every_stream_and_forgets_the_view(client, view):
    async def scene():
        reader, follower = Reader(client.app, STREAM), Reader(client.app, FOLLOW)
        await reader.until("hello")
        await follower.until("event: line")
        close(client.app)
        close(client.app)
        await reader.ended()
        await follower.ended()
        late = Reader(client.app, STREAM)
        await late.ended()
        too_late = Reader(client.app, FOLLOW)
        await too_late.ended()
        assert (late.status, too_late.status) == (503, 503)

    client.run(scene)
    assert view.watchers == 0
    view.write_log(END)


def test_head_of_a_stream_ends_at_once(client):
    async def scene():
        for path in (STREAM, FOLLOW):
            reader = Reader(client.app, path, method="HEAD")
            await reader.ended()
            assert (reader.status, reader.text) == (200, "")

    client.run(scene)


def test_a_follower_gets_the_last_lines_then_new_ones_then_the_end(client, view):
    async def scene():
        reader = Reader(client.app, FOLLOW)
        await reader.until("GET /healthz 200")
        view.write_log("fresh \x1b[31mline\x1b[0m\nevent: forged")
        text = await reader.until("fresh")
        assert r'data: {"line":"fresh line\nevent: forged"}' in text
        view.write_log(END)
        await reader.until("event: end")
        await reader.ended()

    client.run(scene)


def test_trouble_while_following_is_told_at_the_end(client, view):
    view.log_error = Transient(Reason.ENGINE_UNREACHABLE, "the engine is away")

    async def scene():
        reader = Reader(client.app, FOLLOW)
        await reader.until('event: end\ndata: {"message":"the engine is away"}')
        await reader.ended()

    client.run(scene)


def test_a_follower_that_reads_slowly_holds_the_source_back_and_gets_every_line(client, view, monkeypatch):
    monkeypatch.setattr(logs_module, "BUFFER", 4)
    view.log_lines = tuple(f"line {number}." for number in range(100))

    async def scene():
        reader = Reader(client.app, FOLLOW.replace("tail=2", "tail=100"))
        text = await reader.until("line 99.")
        assert all(f"line {number}." in text for number in range(100))
        view.write_log(END)
        await reader.until("event: end")

    client.run(scene)


def test_a_follower_whose_reader_left_ends_although_its_buffer_is_full(client, view, monkeypatch):
    monkeypatch.setattr(logs_module, "BUFFER", 1)
    view.log_lines = tuple(f"line {number}." for number in range(5000))
    monkeypatch.setattr(stream_module, "SEND_TIMEOUT", 0.05)

    async def scene():
        reader = Reader(client.app, FOLLOW.replace("tail=2", "tail=5000"))
        await reader.until("retry")
        reader.stuck = True
        await reader.ended()

    client.run(scene)
    gone = threading.Event()
    for _ in range(100):
        if view.followers == 0:
            return
        gone.wait(0.05)
    pytest.fail("the follower's thread goes on")


def test_followers_are_bounded(client, view, monkeypatch):
    monkeypatch.setattr(logs_module, "MAX_FOLLOWERS", 1)

    async def scene():
        first = Reader(client.app, FOLLOW)
        await first.until("event: line")
        second = Reader(client.app, FOLLOW)
        await second.ended()
        assert second.status == 503
        await leave(first)
        view.write_log(END)

    client.run(scene)


def test_an_engine_that_hangs_over_logs_does_not_hang_the_answer(client, view, monkeypatch):
    monkeypatch.setattr(logs_module, "WAIT", 0.05)
    released = threading.Event()
    monkeypatch.setattr(view, "logs", lambda name, tail: released.wait(5) and ())
    try:
        answer = client.get("/api/v1/workloads/shop/logs")
        assert answer.status_code == 503
        assert answer.json()["error"]["reason"] == "EngineUnreachable"
        assert "did not give the logs" in client.get("/workloads/shop").text
    finally:
        released.set()


def test_a_waiter_whose_loop_has_ended_does_no_harm(view, ingress, options):
    app = create_app(view, ingress, options)
    with Client(app) as client:

        async def scene():
            return await Reader(app, STREAM).until("hello")

        client.run(scene)
    view.tell()


def test_an_exception_in_a_stream_is_not_swallowed(client):
    async def broken():
        yield b"x"
        raise ZeroDivisionError

    async def scene():
        response = stream_module.EventStream(broken(), lambda: None)

        async def app(scope, receive, send):
            await response(scope, receive, send)

        with pytest.raises(ZeroDivisionError):
            await Reader(app, "/").ended()

    client.run(scene)


def test_a_cancelled_stream_leaves_its_place(client):
    left = []

    async def endless():
        while True:
            yield b"x"
            await asyncio.sleep(60)

    async def scene():
        response = stream_module.EventStream(endless(), lambda: left.append(True))
        reader = Reader(response, "/")
        await reader.until("x")
        reader.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reader.task

    client.run(scene)
    assert left == [True]
