"""Counts changes of the view and wakes whoever waits for one.

A waiter holds one bit, "something changed", never a backlog: a slow one loses nothing but intermediate states. The id
of a change names this process too, so a reader that comes back after a restart knows that it must look again.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import threading

from agent.ports_web import View


class Waiter:
    """One subscriber in one event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()

    def wake(self) -> None:
        """Wake it, from any thread; a loop that ended meanwhile is no error."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._event.set)

    async def wait(self, timeout: float) -> bool:  # noqa: ASYNC109 - a heartbeat interval, not a cancellation
        """True when woken, False when the time passed."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._event.wait()
        woken = self._event.is_set()
        self._event.clear()
        return woken


class Changes:
    """The change counter of one view, with at most `limit` waiters."""

    def __init__(self, view: View, limit: int) -> None:
        self._process = secrets.token_hex(4)
        self._limit = limit
        self._number = 0
        self._waiters: set[Waiter] = set()
        self._lock = threading.Lock()
        self.closed = False
        self._unsubscribe = view.subscribe(self._changed)

    @property
    def current(self) -> str:
        """The id of the newest change."""
        return f"{self._process}-{self._number}"

    def join(self) -> Waiter | None:
        """A new waiter, None when there are too many already or the server is stopping."""
        with self._lock:
            if self.closed or len(self._waiters) >= self._limit:
                return None
            waiter = Waiter()
            self._waiters.add(waiter)
            return waiter

    def leave(self, waiter: Waiter) -> None:
        with self._lock:
            self._waiters.discard(waiter)

    def close(self) -> None:
        """End all streams and stop listening to the view; more than once is fine."""
        if not self.closed:
            self.closed = True
            self._unsubscribe()
            self._wake()

    def _changed(self) -> None:
        with self._lock:
            self._number += 1
        self._wake()

    def _wake(self) -> None:
        with self._lock:
            waiters = tuple(self._waiters)
        for waiter in waiters:
            waiter.wake()
