"""Log lines of a container, made safe to show: decoded, stripped of control characters, cut, and bounded in number,
time and memory.

The engine sends both streams as frames of one connection; a line is only whole within its own stream.
"""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator

import docker.errors

from agent.engine.connection import Connection
from agent.engine.streams import streaming

LINE_LIMIT = 2000
BYTE_LIMIT = 4 * LINE_LIMIT
FOLLOW_TIME = 900.0
TAIL_LIMIT = 10_000
READ_TIME = 30.0
HEADER = 8

# Escape sequences go as a whole, then every other control character; tabs stay.
CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def clean(line: str) -> str:
    """One line without control characters, cut at 2,000 characters."""
    text = CONTROL.sub("", line)
    return text if len(text) <= LINE_LIMIT else text[:LINE_LIMIT] + "…"


def read_logs(connection: Connection, container: str, tail: int) -> tuple[str, ...]:
    """The last lines, oldest first; empty where the logging driver cannot be read."""
    ends_at = time.monotonic() + READ_TIME
    if tail <= 0:
        return ()
    lines = _log(connection, container, {"tail": str(min(tail, TAIL_LIMIT))}, lambda: time.monotonic() > ends_at)
    return tuple(deque(lines, maxlen=tail))


def follow_logs(connection: Connection, container: str, tail: int, stop: Callable[[], bool]) -> Iterator[str]:
    """The last lines and then new ones, until the container ends, `stop()`, or 15 minutes have passed."""
    ends_at = time.monotonic() + FOLLOW_TIME
    params = {"tail": str(min(max(tail, 0), TAIL_LIMIT)), "follow": "1"}
    return _log(connection, container, params, lambda: stop() or time.monotonic() > ends_at)


def _log(connection: Connection, container: str, params: dict[str, str], stop: Callable[[], bool]) -> Iterator[str]:
    path = f"/containers/{container}/logs"
    with connection.calling(f"read logs of {container[:12]}") as client:
        try:
            with streaming(client, path, {"stdout": "1", "stderr": "1"} | params, stop) as pieces:
                yield from lines_of(frames(pieces))
        except docker.errors.NotFound:
            return
        except docker.errors.APIError as error:
            if "does not support reading" not in str(error.explanation):
                raise


def frames(pieces: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Stream number and content, from an 8-byte header each: number, three zeros, length; content as it arrives."""
    pending = b""
    stream, left = 0, 0
    for piece in pieces:
        pending += piece
        while pending and (left or len(pending) >= HEADER):
            if not left:
                stream, left = pending[0], int.from_bytes(pending[4:HEADER], "big")
                pending = pending[HEADER:]
            content, pending = pending[:left], pending[left:]
            left -= len(content)
            if content:
                yield stream, content


def lines_of(contents: Iterable[tuple[int, bytes]]) -> Iterator[str]:
    """Whole lines of each stream; a line without end takes no more memory than its limit."""
    pending: dict[int, bytes] = {}
    for stream, content in contents:
        *whole, rest = (pending.get(stream, b"") + content).split(b"\n")
        for line in whole:
            yield _decode(line)
        pending[stream] = rest[: BYTE_LIMIT + 1]
    for rest in pending.values():
        if rest:
            yield _decode(rest)


def _decode(line: bytes) -> str:
    return clean(line[: BYTE_LIMIT + 1].decode("utf-8", "replace").rstrip("\r"))
