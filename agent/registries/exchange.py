"""Requests to one registry host: over connections that are kept open, few at once, within time and size.

Redirects are followed here and never take an Authorization header to another host, nor from TLS to plain HTTP. Bodies
are read as they come, so that nothing can unfold in memory.
"""

from __future__ import annotations

import logging
import ssl
import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import lru_cache

import httpx

from agent.core.reasons import Reason
from agent.errors import Transient
from agent.ports import Clock

AT_ONCE = 2
TOTAL_TIME = 45.0
MOST_REDIRECTS = 5

TIMEOUTS = httpx.Timeout(connect=10.0, read=20.0, write=10.0, pool=10.0)
_LIMITS = httpx.Limits(max_connections=AT_ONCE * 2, max_keepalive_connections=AT_ONCE, keepalive_expiry=90.0)
_REDIRECTS = frozenset({301, 302, 303, 307, 308})

Opener = Callable[[bool], httpx.Client]
"""Makes the HTTP client of one host; its argument says whether certificates are verified."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One request; `limit` is the greatest body in bytes. `authorization` goes to the host of `url` only."""

    url: str
    limit: int
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    authorization: str | None = field(default=None, repr=False)
    parameters: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, from `url` after redirects; names of headers are looked up in any case."""

    status: int
    headers: httpx.Headers
    body: bytes
    url: str = ""


def open_client(verified: bool) -> httpx.Client:
    """A client that trusts the system's authorities besides those that come with httpx; unverified, anybody."""
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)  # below, they write addresses that are signed to be secret
    return httpx.Client(verify=_trust(verified), timeout=TIMEOUTS, limits=_LIMITS)


@lru_cache(maxsize=2)
def _trust(verified: bool) -> ssl.SSLContext:
    context = httpx.create_ssl_context(verify=verified)
    context.load_default_certs()
    return context


class Exchange:
    """One registry host; safe from any thread. `name` is what messages call it."""

    def __init__(self, name: str, client: httpx.Client, clock: Clock, *, relaxed: bool) -> None:
        self._name = name
        self._client = client
        self._clock = clock
        self._relaxed = relaxed
        self._slots = threading.BoundedSemaphore(AT_ONCE)

    def send(self, ask: Ask) -> Answer:
        """The answer, after redirects; raises Transient where there is none in time or of that size."""
        deadline = self._clock.monotonic() + TOTAL_TIME
        if not self._slots.acquire(timeout=TOTAL_TIME):
            raise self._unavailable(f"is busy: {AT_ONCE} requests to it take longer than {TOTAL_TIME:g}s")
        try:
            for _ in range(MOST_REDIRECTS + 1):
                answer = self._once(ask, deadline)
                target = answer.headers.get("location")
                if answer.status not in _REDIRECTS or not target:
                    return answer
                ask = self._redirected(ask, target)
        finally:
            self._slots.release()
        raise self._unavailable("redirects in a circle")

    def close(self) -> None:
        self._client.close()

    def _once(self, ask: Ask, deadline: float) -> Answer:
        headers = {"Accept-Encoding": "identity", **ask.headers}
        if ask.authorization is not None:
            headers["Authorization"] = ask.authorization
        try:
            request = self._client.build_request(
                ask.method, ask.url, headers=headers, params=ask.parameters or None, timeout=TIMEOUTS
            )
            response = self._begun(request)
            with closing(response):
                body = self._body(response, ask.limit, deadline)
                return Answer(response.status_code, response.headers, body, str(response.url))
        except httpx.TimeoutException:
            raise self._unavailable("did not answer in time") from None
        except (httpx.InvalidURL, UnicodeError):
            raise self._unavailable("has, or sends to, an address that is none") from None
        except httpx.HTTPError as error:
            raise self._unavailable(f"cannot be reached: {_cause(error)}") from None

    def _begun(self, request: httpx.Request) -> httpx.Response:
        """The answer as far as its headers. A kept connection may end just as it is used again: once more, then."""
        try:
            return self._client.send(request, stream=True, auth=None, follow_redirects=False)
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
            return self._client.send(request, stream=True, auth=None, follow_redirects=False)

    def _body(self, response: httpx.Response, limit: int, deadline: float) -> bytes:
        """The body as it came. The time is looked at between pieces, so a trickle ends as well."""
        if response.headers.get("content-encoding", "identity") != "identity":
            raise self._unavailable("compressed its answer, though it was asked not to")
        pieces, size = [], 0
        for piece in response.iter_raw():
            size += len(piece)
            if size > limit:
                raise self._unavailable(f"sent more than {limit} bytes")
            if self._clock.monotonic() > deadline:
                raise self._unavailable(f"took longer than {TOTAL_TIME:g}s for one answer")
            pieces.append(piece)
        return b"".join(pieces)

    def _redirected(self, ask: Ask, target: str) -> Ask:
        """The request at another address, without its authorization where that is another host."""
        now = httpx.URL(ask.url)
        then = now.join(target)  # an address that is none was refused by httpx when the answer came
        if then.scheme != "https" and not (self._relaxed and then.scheme == "http"):
            raise self._unavailable(f"redirects to {then.scheme or 'something'}, which is no https")
        same = (now.scheme, now.host, now.port) == (then.scheme, then.host, then.port)
        return replace(ask, url=str(then), authorization=ask.authorization if same else None, parameters=())

    def _unavailable(self, what: str) -> Transient:
        return Transient(
            Reason.REGISTRY_UNAVAILABLE,
            f"registry {self._name} {what}",
            advice="check that it runs and is reached from this machine; it is asked again",
        )


def _cause(error: httpx.HTTPError) -> str:
    """What went wrong in words, of certificates with what can be done."""
    text = str(error) or type(error).__name__
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return "its certificate is not trusted here; add its authority to those of the system"
    if "SSL" in text or "TLS" in text:
        return f"{text}; if it speaks plain HTTP, set `insecure: true` in its Registry document"
    return text
