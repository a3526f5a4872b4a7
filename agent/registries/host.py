"""One registry host as it is asked: proves who asks when it wants to know, remembers pages and what it says is left.

A page that comes with an ETag is asked for again only if it changed. Where plain HTTP is allowed it is tried first, and
without any login; a host that turns out to speak TLS is spoken to so from then on.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from dataclasses import replace

from agent.ports import Clock, Credentials
from agent.registries.exchange import Answer, Ask, Exchange, Opener
from agent.registries.places import Place
from agent.registries.tokens import Tokens

MOST_PAGES = 64

_LEFT = re.compile(r"\s*([0-9]{1,9})\s*(?:;|$)")
_PROBE_LIMIT = 64 * 1024
_WANTS_TLS = b"HTTPS"
"""What Go's servers and nginx write in answer to plain HTTP at a port for TLS."""


class Host:
    """Safe from any thread. `left` is how many requests the host last said are left, None where it never said."""

    def __init__(self, place: Place, clock: Clock, opener: Opener) -> None:
        self._exchange = Exchange(place.host, opener(not place.relaxed), clock, relaxed=place.relaxed)
        self._tokens = Tokens(self._exchange, clock)
        self._base = place.base
        self._settled = not place.relaxed
        self._lock = threading.Lock()
        self._pages: OrderedDict[tuple[Credentials | None, str], Answer] = OrderedDict()
        self.left: float | None = None

    def ask(self, place: Place, ask: Ask) -> Answer:
        """The answer to a request whose `url` is a path; raises Transient and Stalled."""
        self._settle()
        full = replace(ask, url=f"{self._base}{ask.url}", authorization=self._tokens.known(place))
        answer = self._exchange.send(full)
        if answer.status == 401 and answer.url.startswith(f"{self._base}/"):
            challenges = answer.headers.get_list("www-authenticate")
            proof = self._tokens.prove(place, challenges, full.authorization)
            answer = self._exchange.send(replace(full, authorization=proof))
        left = _LEFT.match(answer.headers.get("ratelimit-remaining", ""))
        if left is not None:
            self.left = float(left[1])
        return answer

    def page(self, place: Place, ask: Ask) -> Answer:
        """Like `ask`, for what seldom changes."""
        key = (place.login, ask.url)
        with self._lock:
            known = self._pages.get(key)
        etag = known.headers["etag"] if known is not None else None
        answer = self.ask(place, replace(ask, headers={**ask.headers, "If-None-Match": etag}) if etag else ask)
        if answer.status == 304 and known is not None:
            return known
        if answer.status == 200 and answer.headers.get("etag", "").isascii() and "etag" in answer.headers:
            with self._lock:
                self._pages[key] = answer
                if len(self._pages) > MOST_PAGES:
                    self._pages.popitem(last=False)
        return answer

    def close(self) -> None:
        self._exchange.close()

    def _settle(self) -> None:
        """Find out, where plain HTTP is allowed, whether the host wants TLS; nothing is told it meanwhile."""
        if self._settled:
            return
        answer = self._exchange.send(Ask(url=f"{self._base}/v2/", limit=_PROBE_LIMIT))
        if answer.url.startswith("https:") or (answer.status == 400 and _WANTS_TLS in answer.body):
            self._base = self._base.replace("http:", "https:", 1)
        self._settled = True
