"""Intervals at which others are asked: not so short that they would mind, nor longer than anybody waits."""

from __future__ import annotations

from collections.abc import Iterator

from agent.core.kinds import Finding
from agent.core.values import parse_duration, quoted

LONGEST = 366


def check_interval(pointer: str, text: object, least: float) -> Iterator[Finding]:
    """The finding about a time below `least` seconds or above a year."""
    if not isinstance(text, str):
        return
    if parse_duration(text) < least:
        yield _out_of_range(pointer, f"at least {least:g}s", text, f"write {least:g}s or more")
    if parse_duration(text) > LONGEST * 86400.0:
        yield _out_of_range(pointer, f"at most {LONGEST}d", text, f"write {LONGEST}d or less")


def _out_of_range(pointer: str, expected: str, text: str, fix: str) -> Finding:
    return Finding(pointer=pointer, code="OutOfRange", expected=expected, found=quoted(text), fix=fix)
