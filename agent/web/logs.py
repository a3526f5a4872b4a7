"""Log lines: a bounded look at the last ones, and following them.

The engine may hang, so that few threads may wait for logs at once and nobody waits for long; a page is shown without
them instead. A follower has a thread of its own, because the lines come from a blocking iterator; it is held back by
a reader that is slow, and it ends with the next line after the reader has left.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import AsyncGenerator

import anyio
import anyio.to_thread

from agent.core.reasons import Reason
from agent.errors import PierheadError, Transient
from agent.ports_web import View
from agent.web.stream import sse
from agent.web.views.text import MAX_LINE, clean

WAIT = 5.0
READERS = 4
MAX_FOLLOWERS = 16
BUFFER = 256


class LogReader:
    """Reads logs of one view. `follow` yields server-sent events."""

    def __init__(self, view: View, heartbeat: float) -> None:
        self._view = view
        self._heartbeat = heartbeat
        self._readers = anyio.CapacityLimiter(READERS)
        self._followers: set[Follower] = set()
        self._closed = False

    async def read(self, name: str, tail: int) -> tuple[str, ...] | None:
        """The last lines, None when there is no such workload; raises Transient when the engine takes too long."""
        with anyio.move_on_after(WAIT):
            return await anyio.to_thread.run_sync(
                self._view.logs, name, tail, limiter=self._readers, abandon_on_cancel=True
            )
        raise Transient(Reason.ENGINE_UNREACHABLE, f"the engine did not give the logs of {name} within {WAIT:g} s")

    def open(self, name: str, tail: int) -> Follower | None:
        """A new follower, None when there are too many already."""
        if self._closed or len(self._followers) >= MAX_FOLLOWERS:
            return None
        follower = Follower()
        self._followers.add(follower)
        follower.start(self._view, name, tail)
        return follower

    def leave(self, follower: Follower) -> None:
        follower.stop()
        self._followers.discard(follower)

    def close(self) -> None:
        """End all followers; from the event loop's thread."""
        self._closed = True
        for follower in tuple(self._followers):
            follower.stop()

    async def events(self, follower: Follower) -> AsyncGenerator[bytes, None]:
        yield b"retry: 5000\n\n"
        while True:
            lines, ended = await follower.take(self._heartbeat)
            yield b"".join(lines) or b": heartbeat\n\n"
            if ended:
                yield sse("end", {"message": follower.trouble})
                return


class Follower:
    """One thread that reads an iterator of lines into a bounded queue, made and used in one event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._filled = asyncio.Event()
        self._lines: queue.Queue[bytes] = queue.Queue(BUFFER)
        self._stopped = threading.Event()
        self._ended = False
        self.trouble = ""

    def start(self, view: View, name: str, tail: int) -> None:
        threading.Thread(target=self._pump, args=(view, name, tail), name="follow-logs", daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()
        self._ended = True
        self._filled.set()

    async def take(self, timeout: float) -> tuple[list[bytes], bool]:  # noqa: ASYNC109 - a heartbeat interval
        """The lines that came, as events, waiting up to `timeout` seconds for one, and whether these were the last."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._filled.wait()
        self._filled.clear()
        ended = self._ended
        lines: list[bytes] = []
        with contextlib.suppress(queue.Empty):
            while True:
                lines.append(self._lines.get_nowait())
        return lines, ended

    def _pump(self, view: View, name: str, tail: int) -> None:
        try:
            for line in view.follow_logs(name, tail):
                self._put(sse("line", {"line": clean(line, MAX_LINE)}))
                if self._stopped.is_set():
                    break
        except PierheadError as error:
            self.trouble = str(error)
        finally:
            self._ended = True
            self._wake()

    def _put(self, line: bytes) -> None:
        while not self._stopped.is_set():
            with contextlib.suppress(queue.Full):
                self._lines.put(line, timeout=0.5)
                self._wake()
                return

    def _wake(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop ended first
            self._loop.call_soon_threadsafe(self._filled.set)
