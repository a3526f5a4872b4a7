"""Proof for one registry host: bearer tokens fetched as its challenges say, or the login itself.

A login is sent to the registry and to the token server that it names, and to neither over plain HTTP unless the
registry is trusted without TLS. Tokens are kept by login and repository until shortly before they expire.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterable
from urllib.parse import urlsplit

from agent.core.reasons import Reason
from agent.errors import Stalled
from agent.ports import Clock, Credentials
from agent.registries.challenges import Challenge, parse_challenges
from agent.registries.exchange import Answer, Ask, Exchange
from agent.registries.faults import refusal, strange, unauthorized
from agent.registries.manifests import decode
from agent.registries.places import Place

DEFAULT_LIFE = 60.0
LONGEST_LIFE = 86400.0
MARGIN = 10.0
MOST_TOKENS = 1000
TOKEN_LIMIT = 64 * 1024

_Key = tuple[Credentials | None, str]


class Tokens:
    """Safe from any thread."""

    def __init__(self, exchange: Exchange, clock: Clock) -> None:
        self._exchange = exchange
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[_Key, tuple[str, float]] = {}
        self._scopes: dict[_Key, tuple[str, ...]] = {}
        self._basic = False

    def known(self, place: Place) -> str | None:
        """The Authorization header to begin with; None where the registry has to be asked what it wants."""
        with self._lock:
            if self._basic and place.login is not None:
                return _basic(place.login)
            header, expires = self._known.get((place.login, place.path), ("", 0.0))
            return header if expires > self._clock.monotonic() else None

    def prove(self, place: Place, challenges: Iterable[str], refused: str | None) -> str:
        """The Authorization header that answers a challenge; `refused` was not enough. Raises Stalled, Transient."""
        offered = parse_challenges(challenges)
        bearer = next((one for one in offered if one.scheme == "bearer" and one.parameters.get("realm")), None)
        if bearer is not None:
            return self._fetched(place, bearer)
        if any(one.scheme == "basic" for one in offered) and place.login is not None:
            header = _basic(place.login)
            if header != refused:
                with self._lock:
                    self._basic = True
                return header
        raise unauthorized(place, "HTTP 401")

    def _fetched(self, place: Place, challenge: Challenge) -> str:
        """A new token, for all that was ever asked for in this repository."""
        key = (place.login, place.path)
        scopes = (challenge.parameters.get("scope") or f"repository:{place.path}:pull").split(" ")
        with self._lock:
            wanted = tuple(dict.fromkeys((*self._scopes.get(key, ()), *filter(None, scopes))))
        answer = self._exchange.send(self._token_request(place, challenge, wanted))
        token, life = self._token(place, answer)
        with self._lock:
            if len(self._known) >= MOST_TOKENS:
                self._known.clear()
                self._scopes.clear()
            self._scopes[key] = wanted
            self._known[key] = (f"Bearer {token}", self._clock.monotonic() + max(life - MARGIN, 0.0))
        return f"Bearer {token}"

    def _token_request(self, place: Place, challenge: Challenge, scopes: tuple[str, ...]) -> Ask:
        realm = challenge.parameters["realm"]
        scheme = _scheme(realm)
        if scheme not in {"http", "https"}:
            raise strange(place, "with a token server that is no http address")
        if scheme == "http" and place.login is not None and not place.relaxed:
            raise Stalled(
                Reason.REGISTRY_UNAUTHORIZED,
                f"{place.image}: {place.host} wants the password sent to a token server over plain HTTP",
                advice="let the registry name an https address, or set `insecure: true` in its Registry document",
            )
        service = challenge.parameters.get("service")
        return Ask(
            url=realm,
            limit=TOKEN_LIMIT,
            authorization=_basic(place.login) if place.login is not None else None,
            parameters=((("service", service),) if service else ()) + tuple(("scope", scope) for scope in scopes),
        )

    def _token(self, place: Place, answer: Answer) -> tuple[str, float]:
        """Token and seconds for which it is good."""
        if answer.status != 200:
            error = refusal(place, answer, self._clock.now())
            raise unauthorized(place, "HTTP 404 of its token server") if answer.status == 404 else error
        said = decode(answer.body)
        token, life = said.get("token") or said.get("access_token"), said.get("expires_in")
        if not isinstance(token, str) or not token.isascii() or not token.isprintable() or " " in token:
            raise strange(place, "without a token")
        return token, min(float(life), LONGEST_LIFE) if isinstance(life, int | float) and life > 0 else DEFAULT_LIFE


def _scheme(url: str) -> str:
    try:
        return urlsplit(url).scheme.lower()
    except ValueError:
        return ""


def _basic(login: Credentials) -> str:
    return "Basic " + base64.b64encode(f"{login.username}:{login.password}".encode()).decode()
