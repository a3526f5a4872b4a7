"""Talks to an ASGI app without a socket: whole answers through httpx, streams by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self

import httpx

PATIENCE = 5.0


class Client:
    """Synchronous; one event loop for its life. An exception of the app is raised, so a 500 fails the test."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self._runner = asyncio.Runner()
        self._client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://agent")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._runner.run(self._client.aclose())
        self._runner.close()

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self._runner.run(self._client.request(method, path, **options))

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.request("POST", path, **options)

    def run(self, make: Callable[[], Awaitable[Any]]) -> Any:
        return self._runner.run(_awaited(make))


async def _awaited(make: Callable[[], Awaitable[Any]]) -> Any:
    return await make()


class Reader:
    """One open GET of a stream: `messages` is what the app sent, `leave()` hangs up."""

    def __init__(self, app: Any, path: str, headers: dict[str, str] | None = None, method: str = "GET") -> None:
        raw_path, _, query = path.partition("?")
        self.sent: list[dict[str, Any]] = []
        self._arrived = asyncio.Event()
        self._gone = asyncio.Event()
        self.stuck = False
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": raw_path,
            "raw_path": raw_path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()],
            "client": ("192.0.2.1", 1),
            "server": ("agent", 80),
        }
        self.task = asyncio.ensure_future(app(scope, self._receive, self._send))

    @property
    def status(self) -> int:
        return self.sent[0]["status"]

    @property
    def text(self) -> str:
        return b"".join(message.get("body", b"") for message in self.sent).decode()

    async def until(self, wanted: str) -> str:
        """Wait until the text contains `wanted`."""
        async with asyncio.timeout(PATIENCE):
            while wanted not in self.text:
                self._arrived.clear()
                await self._arrived.wait()
        return self.text

    def leave(self) -> None:
        self._gone.set()

    async def ended(self) -> None:
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(self.task, return_exceptions=False)

    async def _receive(self) -> dict[str, Any]:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        if self.stuck:
            await asyncio.Event().wait()
        self.sent.append(message)
        self._arrived.set()
