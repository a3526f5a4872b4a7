"""What a registry's refusals mean, told apart by who must act. Messages name image, host and what to do, no secret."""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime

from agent.core.reasons import Reason
from agent.errors import PierheadError, Stalled, Transient
from agent.registries.exchange import Answer
from agent.registries.manifests import decode
from agent.registries.places import Place

MOST_RETRY = 86400.0

_CODE = re.compile(r"[A-Z][A-Z_]{1,40}")
_LOG_IN = "log in to the registry with a Registry document, ask less often (`interval`), or use a mirror"
_NO_LOGIN = "add a Registry document with a login for this host; an image that does not exist is refused alike"
_WRONG_LOGIN = "check username and secret of the Registry document, and that they may read this image"


def refusal(place: Place, answer: Answer, now: float) -> PierheadError:
    """The error for an answer that is none of those asked for."""
    status = answer.status
    if status in {401, 403}:
        return unauthorized(place, f"HTTP {status}")
    if status == 404:
        return Stalled(
            Reason.IMAGE_NOT_FOUND,
            f"{place.image}: {place.host} knows no such image{_code(answer)}",
            advice="correct `image`, or push it; some registries hide private images in this way",
        )
    wait = retry_after(answer.headers.get("retry-after"), now)
    if status == 429 or (status == 503 and wait is not None):
        said = f"{place.image}: {place.host} wants fewer requests (HTTP {status}{_code(answer)})"
        return Transient(Reason.REGISTRY_RATE_LIMITED, said, advice=_LOG_IN, retry_after=wait)
    return strange(place, f"HTTP {status}{_code(answer)}")


def unauthorized(place: Place, what: str) -> Stalled:
    """Neither what the Registry document says nor nothing at all is enough."""
    who = f"the login of {place.login.username}" if place.login else "a request without a login"
    advice = _WRONG_LOGIN if place.login else _NO_LOGIN
    return Stalled(Reason.REGISTRY_UNAUTHORIZED, f"{place.image}: {place.host} refused {who} ({what})", advice=advice)


def strange(place: Place, what: str) -> Transient:
    """The registry answers, but nothing that is of use."""
    return Transient(
        Reason.REGISTRY_UNAVAILABLE,
        f"{place.image}: {place.host} answered {what}",
        advice="check that a registry listens there; it is asked again",
    )


def retry_after(value: str | None, now: float) -> float | None:
    """Seconds to wait by a Retry-After header, which holds seconds or a date; None where it says nothing of use."""
    text = (value or "").strip()
    if text.isdecimal() and text.isascii():
        return min(float(text[:9]), MOST_RETRY)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return min(max(moment.timestamp() - now, 0.0), MOST_RETRY)


def _code(answer: Answer) -> str:
    """The registry's own word for the error, where it sent one."""
    errors = decode(answer.body).get("errors")
    first = errors[0] if isinstance(errors, list) and errors else None
    code = first.get("code") if isinstance(first, dict) else None
    return f", {code}" if isinstance(code, str) and _CODE.fullmatch(code) else ""
