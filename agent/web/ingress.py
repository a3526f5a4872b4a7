"""POST /webhook/config: tells the agent that the config repository moved.

Order: is the ingress open, is the sender too fast, is the body small enough, is it authentic. Nothing is parsed and
nothing of the body is logged; the answer is sent before any fetching starts. Without a configured secret the ingress
is closed and answers as if it did not exist.
"""

from __future__ import annotations

import asyncio
import logging
import math

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from agent.errors import PierheadError
from agent.ports_web import Ingress
from agent.web.options import WebOptions
from agent.web.responses import encode, json_error
from agent.web.signatures import authentic
from agent.web.throttle import Throttle

RATE = 2.0
BURST = 20
BODY_TIMEOUT = 10.0

logger = logging.getLogger(__name__)


class BodyTooLarge(Exception):
    """The body is larger than the limit, whatever Content-Length said."""


class ConfigWebhook:
    """An ASGI app, so that it decides about methods too: a closed ingress is 404 for all of them."""

    def __init__(self, ingress: Ingress, options: WebOptions) -> None:
        self._ingress = ingress
        self._options = options
        self._throttle = Throttle(RATE, BURST, options.monotonic)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._answer(Request(scope, receive))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        try:
            secret = await run_in_threadpool(self._options.config_secret)
        except PierheadError as error:
            logger.error("webhook.config_secret: %s", error)  # noqa: TRY400 - the message says it all
            return json_error(503, "Unavailable", "cannot be checked now, send again later", {"retry-after": "60"})
        if not secret:
            return json_error(404, "NotFound", "there is nothing here")
        if request.method != "POST":
            return json_error(405, "MethodNotAllowed", f"expected POST, found {request.method}", {"allow": "POST"})
        wait = self._throttle.wait(request.client.host if request.client else "")
        if wait:
            return json_error(429, "TooManyRequests", "too fast", {"retry-after": str(math.ceil(wait))})
        return await self._deliver(request, secret)

    async def _deliver(self, request: Request, secret: str) -> Response:
        try:
            async with asyncio.timeout(BODY_TIMEOUT):
                body = await _read(request, self._options.max_body)
        except BodyTooLarge:
            message = f"expected at most {self._options.max_body} bytes"
            return json_error(413, "BodyTooLarge", message, {"connection": "close"})
        except TimeoutError:
            return json_error(408, "BodyTimeout", "the body did not arrive in time", {"connection": "close"})
        except ClientDisconnect:
            return Response(status_code=400)
        if not authentic(_headers(request), body, secret):
            message = "signature or token missing or wrong"
            return json_error(401, "Unauthorized", message, {"www-authenticate": "Bearer"})
        await run_in_threadpool(self._ingress.config_moved)
        return Response(encode({"outcome": "accepted", "events": []}), 202, media_type="application/json")


async def _read(request: Request, limit: int) -> bytes:
    """The body, counted as it arrives: a Content-Length is a hint that saves reading, never a proof."""
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and len(declared) < 20 and int(declared) > limit:
        raise BodyTooLarge
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise BodyTooLarge
        chunks.append(chunk)
    return b"".join(chunks)


def _headers(request: Request) -> dict[str, bytes]:
    """Names in lower case; of a repeated header the first counts, as with most senders' own libraries."""
    found: dict[str, bytes] = {}
    for name, value in request.headers.raw:
        found.setdefault(name.decode("latin-1").lower(), value)
    return found
