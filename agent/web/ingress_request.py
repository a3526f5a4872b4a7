"""One request as it arrives: where to, from whom, of what kind, and its body within limits of size and time.

A Content-Length is a hint that saves reading, never a proof. What cannot be read is turned away with an answer that
does not depend on who is meant.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import NamedTuple, Self
from urllib.parse import unquote_to_bytes

from starlette.types import Receive, Scope

from agent.core.delivery import Delivery
from agent.core.webhooks.reading import FORM
from agent.web.ingress_answers import Answer, left, too_large, too_many, too_slow, wrong_type

BODY_TIMEOUT = 10.0
"""Seconds within which a body must have arrived."""

ROOM = 64 * 1024 * 1024
"""Bytes of bodies that are held at once, or four bodies of the largest size where that is more."""

_TYPES = frozenset({"", "application/json", "text/json", "text/plain", FORM})
_PREFIX = "application/vnd.docker.distribution."
_LONGEST_NUMBER = 20


class TurnedAway(Exception):
    """The body cannot be read, and this is the answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.reason)
        self.answer = answer


class Bodies:
    """How much of bodies is in memory: strangers must not fill it with many that arrive slowly."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._room = max(ROOM, 4 * limit)

    def take(self, size: int) -> None:
        """Turn away what there is no room for."""
        if size > self._room:
            raise TurnedAway(too_many())
        self._room -= size

    def give_back(self, size: int) -> None:
        self._room += size


class Body:
    """The body of one request, counted in `Bodies` until it is left."""

    def __init__(self, bodies: Bodies) -> None:
        self._bodies = bodies
        self._size = 0
        self._late = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bodies.give_back(self._size)

    async def read(self, receive: Receive, headers: Mapping[str, bytes]) -> bytes:
        """All of it, counted as it arrives; raises TurnedAway."""
        limit = self._bodies.limit
        declared = headers.get("content-length", b"")
        if declared.isdigit() and len(declared) < _LONGEST_NUMBER and int(declared) > limit:
            raise TurnedAway(too_large(limit))
        return await self._in_time(receive)

    async def _in_time(self, receive: Receive) -> bytes:
        """What `asyncio.timeout` would do, at a fourth of its price: nearly every body is there already."""
        task = asyncio.current_task()
        assert task is not None
        timer = asyncio.get_running_loop().call_later(BODY_TIMEOUT, self._expire, task)
        try:
            return await self._collected(receive)
        except asyncio.CancelledError:
            if self._late and not task.uncancel():
                raise TurnedAway(too_slow()) from None
            raise
        finally:
            timer.cancel()

    def _expire(self, task: asyncio.Task[object]) -> None:
        self._late = True
        task.cancel()

    async def _collected(self, receive: Receive) -> bytes:
        chunks: list[bytes] = []
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise TurnedAway(left())
            chunk: bytes = message.get("body", b"")
            if self._size + len(chunk) > self._bodies.limit:
                raise TurnedAway(too_large(self._bodies.limit))
            self._bodies.take(len(chunk))
            self._size += len(chunk)
            chunks.append(chunk)
            more = message.get("more_body", False)
        return b"".join(chunks)


class Address(NamedTuple):
    """`/webhook/{name}` and `/webhook/{name}/{token}`, unescaped."""

    name: str
    token: bytes | None


def address_of(scope: Scope) -> Address | None:
    """Where a request is meant to go, read from the path as it was sent: a token may hold an escaped slash."""
    path: bytes = scope.get("raw_path") or scope["path"].encode("utf-8", "surrogatepass")
    parts = path.removeprefix(b"/").split(b"/")
    if b"%" in path:
        parts = [unquote_to_bytes(part) for part in parts]
    if not 2 <= len(parts) <= 3 or not all(parts):
        return None
    return Address(parts[1].decode("utf-8", "replace"), parts[2] if len(parts) > 2 else None)


def sender_of(scope: Scope) -> str:
    """The address at the other end of the connection; headers that claim another one are not believed."""
    client = scope.get("client")
    return client[0] if client else ""


def headers_of(scope: Scope) -> dict[str, bytes]:
    """Names in lower case; of a repeated header the first counts, as with most senders' own libraries."""
    found: dict[str, bytes] = {}
    for name, value in scope["headers"]:
        found.setdefault(name.decode("latin-1").lower(), value)
    return found


def check_type(headers: Mapping[str, bytes]) -> None:
    """Turn away what no sender of webhooks sends: XML, parts, archives. What is missing or said of text is tried."""
    kind = headers.get("content-type", b"").decode("latin-1").partition(";")[0].strip().lower()
    encoding = headers.get("content-encoding", b"").strip().lower()
    known = kind in _TYPES or kind.startswith(_PREFIX) or (kind.startswith("application/") and kind.endswith("+json"))
    if not known or encoding not in (b"", b"identity"):
        raise TurnedAway(wrong_type())


def delivery_of(scope: Scope, headers: Mapping[str, bytes], body: bytes, now: float) -> Delivery:
    """The request as vendors see it."""
    query = scope["query_string"].decode("latin-1")
    return Delivery(method=scope["method"], headers=headers, body=body, query=query, now=now)
