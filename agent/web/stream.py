"""Server-sent events: change notifications, and the response class that sends any stream of them.

A client that stops reading is cut off after a while instead of being buffered for.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from agent.web.changes import Changes, Waiter
from agent.web.responses import encode, json_error

SEND_TIMEOUT = 20.0
QUIET = 0.25
"""Seconds between two notifications to one reader, however fast things change."""

HEADERS = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-store", "x-accel-buffering": "no"}


def sse(event: str, data: object, identifier: str | None = None) -> bytes:
    """One event on the wire; data is JSON, so no line break can end it early."""
    head = f"id: {identifier}\n" if identifier else ""
    return f"{head}event: {event}\ndata: ".encode() + encode(data) + b"\n\n"


class EventStream(Response):
    """Sends chunks until they end, the client leaves, or it stops reading. `leave` is called once, whatever happens."""

    def __init__(self, chunks: AsyncGenerator[bytes, None], leave: Callable[[], None]) -> None:
        super().__init__(headers=HEADERS)
        del self.headers["content-length"]
        self._chunks = chunks
        self._leave = leave

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            await self._race(receive, send)
        finally:
            self._leave()
            await self._chunks.aclose()

    async def _race(self, receive: Receive, send: Send) -> None:
        tasks = {asyncio.ensure_future(self._send_all(send)), asyncio.ensure_future(_disconnected(receive))}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            task.result()

    async def _send_all(self, send: Send) -> None:
        try:
            async for chunk in self._chunks:
                message = {"type": "http.response.body", "body": chunk, "more_body": True}
                async with asyncio.timeout(SEND_TIMEOUT):  # wait_for can swallow the cancellation in Python 3.11
                    await send(message)
            async with asyncio.timeout(SEND_TIMEOUT):
                await send({"type": "http.response.body", "body": b""})
        except TimeoutError:
            return


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class Stream:
    """GET /api/v1/stream."""

    def __init__(self, changes: Changes, heartbeat: float) -> None:
        self._changes = changes
        self._heartbeat = heartbeat

    async def __call__(self, request: Request) -> Response:
        if request.method == "HEAD":
            return Response(headers=HEADERS)
        waiter = self._changes.join()
        if waiter is None:
            return json_error(503, "TooManyStreams", "as many readers as allowed are connected", {"retry-after": "10"})
        chunks = self._notifications(waiter, request.headers.get("last-event-id"))
        return EventStream(chunks, lambda: self._changes.leave(waiter))

    async def _notifications(self, waiter: Waiter, last_seen: str | None) -> AsyncGenerator[bytes, None]:
        current = self._changes.current
        missed = last_seen is not None and last_seen != current
        yield b"retry: 2000\n" + sse("change" if missed else "hello", {"id": current}, current)
        while True:
            woken = await waiter.wait(self._heartbeat)
            if self._changes.closed:
                return
            if woken:
                current = self._changes.current
                yield sse("change", {"id": current}, current)
                await asyncio.sleep(QUIET)
            else:
                yield b": heartbeat\n\n"
