"""POST /webhook/config: tells the agent that the config repository moved.

Order: is the ingress open, is the sender too fast, is the body small enough, is it authentic. Nothing is parsed and
nothing of the body is logged; the answer is sent before any fetching starts. Without a configured secret the ingress
is closed and answers as if it did not exist.
"""

from __future__ import annotations

import logging

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from agent.errors import PierheadError
from agent.ports_web import Ingress
from agent.web import ingress_answers as answers
from agent.web.ingress_proof import knows_secret
from agent.web.ingress_request import Bodies, Body, TurnedAway, delivery_of, headers_of, sender_of
from agent.web.options import WebOptions
from agent.web.throttle import Throttle, origin

RATE = 2.0
BURST = 20
_PAUSE = 60.0

logger = logging.getLogger(__name__)


class ConfigWebhook:
    """An ASGI app, so that it decides about methods too: a closed ingress is 404 for all of them."""

    def __init__(self, ingress: Ingress, options: WebOptions) -> None:
        self._ingress = ingress
        self._options = options
        self._bodies = Bodies(options.max_body)
        self._throttle = Throttle(RATE, BURST, options.monotonic)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._answer(scope, receive)
        await response(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive) -> Response:
        try:
            secret = await run_in_threadpool(self._options.config_secret)
        except PierheadError as error:
            logger.error("webhook.config_secret: %s", error)  # noqa: TRY400 - the message says it all
            return answers.unavailable(error, _PAUSE).response
        if not secret:
            return answers.not_found().response
        if scope["method"] != "POST":
            return answers.wrong_method(scope["method"])
        wait = self._throttle.wait(origin(sender_of(scope)))
        if wait:
            return answers.too_fast(wait).response
        return await self._deliver(scope, receive, secret.encode("utf-8", "surrogatepass"))

    async def _deliver(self, scope: Scope, receive: Receive, secret: bytes) -> Response:
        headers = headers_of(scope)
        with Body(self._bodies) as body:
            try:
                content = await body.read(receive, headers)
            except TurnedAway as turned:
                return turned.answer.response
            delivery = delivery_of(scope, headers, content, self._options.now())
            if not await run_in_threadpool(knows_secret, self._options.vendors, secret, delivery):
                return answers.unauthorized("signature").response
        await run_in_threadpool(self._ingress.config_moved)
        return answers.accepted(()).response
