"""Answers of the engine that have no end: read as they come, and broken off from outside at any moment.

A read that is blocked in another thread ends only when its socket is shut down, so a watcher does that.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping

import requests
import urllib3
from docker.api.client import APIClient
from docker.types import CancellableStream

from agent.engine.connection import checked

LOOK_UP = 0.25
CONNECT_TIME = 10.0


@contextlib.contextmanager
def streaming(
    client: APIClient, path: str, params: Mapping[str, str], stop: Callable[[], bool]
) -> Iterator[Iterator[bytes]]:
    """The body of a GET in pieces as they arrive; it just ends when the engine goes away or once `stop()`."""
    url = f"{client.base_url}/v{client.api_version}{path}"
    with checked(client.get(url, params=params, stream=True, timeout=(CONNECT_TIME, None))) as response:
        finished = threading.Event()
        arguments = (CancellableStream(iter(()), response), stop, finished)
        watcher = threading.Thread(target=_watch, args=arguments, name="engine-stream-closer", daemon=True)
        watcher.start()
        try:
            yield _pieces(response)
        finally:
            finished.set()
            watcher.join()


def _watch(stream: CancellableStream[bytes], stop: Callable[[], bool], finished: threading.Event) -> None:
    while not finished.wait(LOOK_UP):
        if stop():
            break
    with contextlib.suppress(OSError, AttributeError):  # the other end, or the reader, was faster
        stream.close()


def _pieces(response: requests.Response) -> Iterator[bytes]:
    """Chunk by chunk as the engine sends them; a connection that breaks is an end like any other."""
    with contextlib.suppress(requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError):
        yield from response.raw.stream(65536)


def pause(seconds: float, stop: Callable[[], bool]) -> None:
    """Wait, but no longer than a moment after `stop()`."""
    waited = threading.Event()
    for _ in range(max(1, round(seconds / LOOK_UP))):
        if stop():
            return
        waited.wait(min(seconds, LOOK_UP))
