"""Intervals at which others are asked: not so short that they would mind."""

from __future__ import annotations

from collections.abc import Iterator

from agent.core.kinds import Finding
from agent.core.values import parse_duration, quoted


def check_interval(pointer: str, text: object, least: float) -> Iterator[Finding]:
    """The finding about an interval below `least` seconds."""
    if isinstance(text, str) and parse_duration(text) < least:
        yield Finding(
            pointer=pointer,
            code="OutOfRange",
            expected=f"at least {least:g}s",
            found=quoted(text),
            fix=f"write {least:g}s or more",
        )
