"""One engine, reached lazily: nothing is called before the first operation, so an engine that is away at start-up is an
ordinary `Transient` error and is found again by itself. No library's own exception leaves this package.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import requests
import urllib3
from docker.api.client import APIClient
from docker.errors import APIError, DockerException, create_api_error_from_http_exception

from agent.engine.faults import api_fault, connection_fault

CALL_TIMEOUT = 60
POOL_SIZE = 32


class Connection:
    """Thread-safe; the API version is negotiated with the engine at the first call."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._client: APIClient | None = None
        self._lock = threading.Lock()

    @property
    def local(self) -> bool:
        """Whether the engine is reached through a socket of this machine."""
        return self.url.startswith(("unix://", "/"))

    def client(self) -> APIClient:
        """The negotiated client; raises docker's own errors, so use it inside `calling`."""
        with self._lock:
            if self._client is None:
                self._client = self._connect()
            return self._client

    def _connect(self) -> APIClient:
        self._knock()
        client = APIClient(self.url, version="auto", timeout=CALL_TIMEOUT, max_pool_size=POOL_SIZE)
        client.trust_env = False  # neither proxies nor .netrc of the agent's user concern a call to the engine
        return client

    def _knock(self) -> None:
        """Fail early where nobody listens: the SDK does not close a socket that it could not connect."""
        if self.local:
            with socket.socket(socket.AF_UNIX) as sock:
                sock.settimeout(CALL_TIMEOUT)
                sock.connect(self.url.removeprefix("unix://"))

    def _forget(self) -> None:
        """Connect anew at the next call: an engine that went away may come back as another version."""
        with self._lock:
            self._client = None

    @contextmanager
    def calling(self, doing: str = "") -> Iterator[APIClient]:
        """Run calls; what goes wrong becomes Transient or Stalled, its message led by `doing`.

        A step of a plan says itself what was done, so its operation gives no `doing`.
        """
        try:
            yield self.client()
        except APIError as error:
            raise api_fault(doing, error.status_code, str(error.explanation or error)) from error
        except requests.ConnectionError as error:
            self._forget()
            raise connection_fault(doing, self.url, error) from error
        except (DockerException, requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise connection_fault(doing, self.url, error) from error

    def close(self) -> None:
        """Close pooled connections; a later call connects again."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()


def checked(response: requests.Response) -> requests.Response:
    """The response if the engine agreed; raises the SDK's own error otherwise. For calls that the SDK lacks."""
    try:
        response.raise_for_status()
    except requests.HTTPError as error:
        create_api_error_from_http_exception(error)
    return response
