"""Query parameters: the API refuses what it does not understand, with the expectation; a page falls back quietly."""

from __future__ import annotations

from starlette.requests import Request

from agent.core.deliveries import OUTCOMES
from agent.core.eventlog import LEVELS

MAX_TEXT = 253


class BadParameter(Exception):
    """A query parameter that is not what it should be; the message says parameter, expectation and finding."""


def number(request: Request, name: str, default: int, highest: int) -> int:
    """A whole number from 1 to `highest`."""
    raw = request.query_params.get(name)
    if raw is None:
        return default
    if raw.isascii() and raw.isdigit() and len(raw) < 10 and 1 <= int(raw) <= highest:
        return int(raw)
    raise BadParameter(f"{name}: expected a whole number from 1 to {highest}, found {raw[:40]!r}")


def flag(request: Request, name: str) -> bool:
    raw = request.query_params.get(name, "0")
    if raw in ("0", "1"):
        return raw == "1"
    raise BadParameter(f"{name}: expected 0 or 1, found {raw[:40]!r}")


def text(request: Request, name: str) -> str | None:
    """A short text without control characters; empty means none."""
    raw = request.query_params.get(name)
    if not raw:
        return None
    if len(raw) <= MAX_TEXT and raw.isprintable():
        return raw
    raise BadParameter(f"{name}: expected at most {MAX_TEXT} printable characters, found {raw[:40]!r}")


def severity(request: Request) -> str | None:
    """A level of the event log; it and everything above it is meant."""
    raw = text(request, "severity")
    if raw is None or raw in LEVELS:
        return raw
    raise BadParameter(f"severity: expected one of {', '.join(LEVELS)}, found {raw[:40]!r}")


def outcome(request: Request) -> str | None:
    """What became of a delivery."""
    raw = text(request, "outcome")
    if raw is None or raw in OUTCOMES:
        return raw
    raise BadParameter(f"outcome: expected one of {', '.join(OUTCOMES)}, found {raw[:40]!r}")


_CHOICES = {"severity": severity, "outcome": outcome}


def lenient(request: Request, name: str) -> str | None:
    """The same for a page: what is not understood is left out."""
    try:
        return _CHOICES[name](request) if name in _CHOICES else text(request, name)
    except BadParameter:
        return None
