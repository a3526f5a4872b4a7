"""POST /webhook/{trigger} and /webhook/{trigger}/{token}: a delivery becomes events that are on disk before the answer.

Order: is the sender too fast, is the body of a kind and size that is taken, which trigger is meant, is the delivery
authentic; only then it is parsed, stored and answered. Who is refused often is answered shorter, but is never kept from
proving itself. Which triggers there are is told to nobody by a 404, neither by its bytes nor by its time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import Future
from functools import partial
from typing import NamedTuple

from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from agent.core.delivery import Delivery
from agent.core.webhooks.selection import ranked
from agent.errors import PierheadError
from agent.ports_web import Ingress, WebhookTrigger
from agent.web import ingress_answers as answers
from agent.web.ingress_answers import Answer
from agent.web.ingress_proof import Standing, judge_of, standing
from agent.web.ingress_reading import Content, content_of
from agent.web.ingress_records import Book, Concluded
from agent.web.ingress_request import (
    Address,
    Bodies,
    Body,
    TurnedAway,
    address_of,
    check_type,
    delivery_of,
    headers_of,
    sender_of,
)
from agent.web.options import WebOptions
from agent.web.throttle import Throttle, origin

REFUSAL_RATE = 20.0
REFUSAL_BURST = 500
LARGE = 64 * 1024
"""Bytes from which a body is worked on in a thread, as the event loop has others to serve."""

_SECRET_PAUSE = 60.0
_JOURNAL_PAUSE = 5.0

logger = logging.getLogger(__name__)


class _Arrival(NamedTuple):
    scope: Scope
    receive: Receive
    address: Address
    sender: str


class WebhookIngress:
    """An ASGI app, so that it decides about methods and tokens too. `outcomes` counts by trigger and outcome."""

    def __init__(self, ingress: Ingress, options: WebOptions) -> None:
        self._ingress = ingress
        self._options = options
        self._senders = Throttle(options.webhook_rate, options.webhook_burst, options.monotonic)
        self._refusals = Throttle(REFUSAL_RATE, REFUSAL_BURST, options.monotonic)
        self._complaints = Throttle(1 / 60, 1, options.monotonic)
        self._bodies = Bodies(options.max_body)
        self._vendors = ranked(options.vendors)
        self._book = Book(ingress, options)
        self.outcomes = self._book.outcomes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = self._options.monotonic()
        address = address_of(scope)
        if address is None:
            await answers.not_found().response(scope, receive, send)
        elif scope["method"] != "POST":
            await answers.wrong_method(scope["method"])(scope, receive, send)
        else:
            with Body(self._bodies) as body:
                concluded = await self._conclude(_Arrival(scope, receive, address, sender_of(scope)), body)
            await concluded.answer.response(scope, receive, send)
            # After the answer, as strangers must not tell by its time what is recorded and what is not.
            self._book.note(concluded, self._options.monotonic() - began)

    async def _conclude(self, arrival: _Arrival, body: Body) -> Concluded:
        name, sender = arrival.address.name, arrival.sender
        try:
            delivery = await self._read(arrival, body)
        except TurnedAway as turned:
            return Concluded(name, sender, self._is_known(name), 0, turned.answer)
        size = len(delivery.body)
        try:
            trigger = self._ingress.webhook(name)
        except PierheadError as error:
            return Concluded(name, sender, True, size, self._unavailable(name, error, _SECRET_PAUSE))
        answer = await self._decide(arrival, trigger, delivery)
        return Concluded(name, sender, trigger is not None, size, answer)

    def _is_known(self, name: str) -> bool:
        try:
            return self._ingress.webhook(name) is not None
        except PierheadError:
            return True

    async def _read(self, arrival: _Arrival, body: Body) -> Delivery:
        wait = self._senders.wait(origin(arrival.sender))
        if wait:
            raise TurnedAway(answers.too_fast(wait))
        headers = headers_of(arrival.scope)
        check_type(headers)
        content = await body.read(arrival.receive, headers)
        return delivery_of(arrival.scope, headers, content, self._options.now())

    async def _decide(self, arrival: _Arrival, trigger: WebhookTrigger | None, delivery: Delivery) -> Answer:
        work = partial(self._work, trigger, arrival.address.token, delivery)
        found = await run_in_threadpool(work) if len(delivery.body) > LARGE else work()
        match found:
            case Content() if trigger is not None:
                return await self._store(trigger, found)
            case Standing.UNPROVEN if trigger is not None:
                return self._refuse(arrival.sender, answers.unauthorized(trigger.auth))
            case _:
                return self._refuse(arrival.sender, answers.not_found("no token or a wrong one in the address"))

    def _work(self, trigger: WebhookTrigger | None, token: bytes | None, delivery: Delivery) -> Content | Standing:
        """What an authentic delivery says, else how its sender stands."""
        judge = judge_of(self._vendors, trigger, delivery)
        found = standing(judge, trigger, token, delivery)
        if trigger is None or found is not Standing.PROVEN:
            return found
        return content_of(self._vendors, judge, trigger, delivery)

    def _refuse(self, sender: str, answer: Answer) -> Answer:
        wait = self._refusals.wait(origin(sender))
        return answers.too_fast(wait, answer.reason) if wait else answer

    async def _store(self, trigger: WebhookTrigger, content: Content) -> Answer:
        if content.flaw:
            return answers.malformed(content.flaw, content.vendor)
        if content.ignored:
            return answers.ignored(content.ignored, content.vendor)
        try:
            ids = await self._accepted(trigger.name, content)
        except PierheadError as error:
            return self._unavailable(trigger.name, error, _JOURNAL_PAUSE, content.vendor)
        return answers.duplicate(content.vendor) if ids is None else answers.accepted(ids, content.vendor)

    async def _accepted(self, name: str, content: Content) -> Sequence[str] | None:
        await asyncio.sleep(0)  # whatever arrived at the same time goes to the journal together
        loop = asyncio.get_running_loop()
        stored: asyncio.Future[Sequence[str] | None] = loop.create_future()
        self._ingress.accept(name, content.events, content.keys, loop.call_soon_threadsafe).add_done_callback(
            partial(_hand_over, stored)
        )
        return await stored

    def _unavailable(self, name: str, error: PierheadError, pause: float, vendor: str | None = None) -> Answer:
        if not self._complaints.wait(name):
            logger.error("webhook %s: %s", name, error)
        return answers.unavailable(error, pause, vendor)


def _hand_over(waiting: asyncio.Future[Sequence[str] | None], done: Future[tuple[str, ...] | None]) -> None:
    """Give a result to who waits for it, if anybody still does; in the thread of the event loop."""
    if waiting.done():
        return
    error = done.exception()
    if error is None:
        waiting.set_result(done.result())
    else:
        waiting.set_exception(error)
