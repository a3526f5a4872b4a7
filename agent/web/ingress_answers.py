"""What senders are told, each answer with what its record says. Nothing here holds a secret, a header or a body.

Whoever may not know whether there is something gets `not_found`, always the same bytes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.responses import Response

from agent.core.deliveries import ACCEPTED, DUPLICATE, FAILED, IGNORED, REFUSED
from agent.errors import PierheadError, Transient
from agent.web.responses import json_error

_JSON_HEADERS = ((b"cache-control", b"no-store"), (b"content-type", b"application/json"))
_CLOSE = {"connection": "close"}
_CHALLENGES = {"basic": 'Basic realm="webhook", charset="UTF-8"'}


class _Said(Response):
    """A small JSON that nobody keeps. Its headers are always the same, so they are not put together each time."""

    def init_headers(self, headers: Mapping[str, str] | None = None) -> None:  # noqa: ARG002 - it has none but these
        self.raw_headers = [(b"content-length", b"%d" % len(self.body)), *_JSON_HEADERS]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer, and the outcome and the reason for people. `events` are the ids of what was stored."""

    response: Response
    outcome: str
    reason: str = ""
    vendor: str | None = None
    events: tuple[str, ...] = ()


def accepted(events: Sequence[str], vendor: str | None = None) -> Answer:
    """It is stored and will be acted upon."""
    return Answer(
        response=_said(202, {"outcome": ACCEPTED, "events": list(events)}),
        outcome=ACCEPTED,
        vendor=vendor,
        events=tuple(events),
    )


def ignored(reason: str, vendor: str | None) -> Answer:
    """It is understood, and there is nothing in it for us."""
    return Answer(
        response=_said(200, {"outcome": IGNORED, "reason": reason}), outcome=IGNORED, reason=reason, vendor=vendor
    )


def duplicate(vendor: str | None) -> Answer:
    """It was accepted before."""
    reason = "the same delivery was accepted before"
    return Answer(response=_said(200, {"outcome": DUPLICATE}), outcome=DUPLICATE, reason=reason, vendor=vendor)


def _said(status: int, content: dict[str, object]) -> Response:
    return _Said(json.dumps(content).encode(), status)


def not_found(reason: str = "there is no such trigger") -> Answer:
    """There is nothing at this address, for whoever does not know what is. The reason is for the record."""
    return _refused(json_error(404, "NotFound", "there is nothing here"), reason)


def unauthorized(way: str, vendor: str | None = None) -> Answer:
    """The proof is missing or wrong."""
    challenge = {"www-authenticate": _CHALLENGES.get(way, "Bearer")}
    message = "signature or token missing or wrong"
    return _refused(json_error(401, "Unauthorized", message, challenge), f"{way} missing or wrong", vendor)


def malformed(flaw: str, vendor: str | None) -> Answer:
    """The body is not what its vendor sends; the flaw says what was expected and found."""
    return _refused(json_error(422, "Malformed", flaw), flaw, vendor)


def wrong_type() -> Answer:
    """The body is of a kind that no sender has."""
    message = "expected JSON or a form as it is, found another content type or an encoding"
    return _refused(
        json_error(415, "UnsupportedMediaType", message, {**_CLOSE, "accept-encoding": "identity"}), message
    )


def too_large(limit: int) -> Answer:
    """The body has more bytes than the limit."""
    message = f"expected at most {limit} bytes"
    return _refused(json_error(413, "BodyTooLarge", message, _CLOSE), message)


def too_slow() -> Answer:
    """The body did not arrive in time."""
    message = "the body did not arrive in time"
    return _refused(json_error(408, "BodyTimeout", message, _CLOSE), message)


def too_fast(wait: float, reason: str = "too many requests from one address") -> Answer:
    """The sender has to wait for some seconds."""
    return _refused(json_error(429, "TooManyRequests", "too fast", {"retry-after": str(math.ceil(wait))}), reason)


def too_many() -> Answer:
    """There is no room for the body while so many others arrive."""
    message = "too much arrives at once, send again later"
    response = json_error(503, "Unavailable", message, {**_CLOSE, "retry-after": "1"})
    return Answer(response=response, outcome=FAILED, reason=message)


def left() -> Answer:
    """The sender hung up before it had sent everything."""
    return _refused(Response(status_code=400), "the sender hung up before the end of the body")


def wrong_method(method: str) -> Response:
    """Only deliveries are taken."""
    return json_error(405, "MethodNotAllowed", f"expected POST, found {method[:20]}", {"allow": "POST"})


def unavailable(error: PierheadError, pause: float, vendor: str | None = None) -> Answer:
    """It cannot be taken now; the sender is to come back after a pause of seconds."""
    seconds = error.retry_after if isinstance(error, Transient) and error.retry_after is not None else pause
    headers = {"retry-after": str(max(1, math.ceil(seconds)))}
    message = "cannot be taken now, send again later"
    return Answer(
        response=json_error(503, "Unavailable", message, headers),
        outcome=FAILED,
        reason=f"{error.reason}: it cannot be taken now",
        vendor=vendor,
    )


def _refused(response: Response, reason: str, vendor: str | None = None) -> Answer:
    return Answer(response=response, outcome=REFUSED, reason=reason, vendor=vendor)
