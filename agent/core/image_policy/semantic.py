"""Semantic versions as tags spell them, and their precedence by SemVer 2.0.

A leading `v` is left out, missing numbers are zero (`1.4` is 1.4.0) and numbers may begin with zeros (`2024.01.15`).
Build metadata does not count in precedence; a tag cannot hold its `+`, so `_` stands for it, as Helm writes it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

Identifiers = tuple[tuple[int, int, str], ...]
Precedence = tuple[int, int, int, int, Identifiers]
"""Three numbers, 0 before a release or 1 for the release itself, and the identifiers of the prerelease."""

BEFORE, RELEASE = 0, 1
MAX_LENGTH = 512

PRERELEASE = r"[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*"
_VERSION = re.compile(
    rf"(?P<v>[vV]?)(?P<numbers>[0-9]+(?:\.[0-9]+){{0,2}})(?:-(?P<pre>{PRERELEASE}))?(?:[+_](?P<build>[0-9A-Za-z._-]+))?"
)


class SemanticVersion(NamedTuple):
    """One version. `written` is how many of the three numbers are there, `prefixed` whether a `v` is there."""

    precedence: Precedence
    written: int
    prefixed: bool
    build: str

    @property
    def prerelease(self) -> bool:
        return self.precedence[3] == BEFORE


@lru_cache(maxsize=32768)
def parse_version(text: str) -> SemanticVersion | None:
    """The version that a tag spells, None where it spells none."""
    match = _VERSION.fullmatch(text) if len(text) <= MAX_LENGTH else None
    if match is None:
        return None
    numbers = [int(number) for number in match["numbers"].split(".")]
    identifiers = parse_identifiers(match["pre"] or "")
    if identifiers is None:
        return None
    return SemanticVersion(
        precedence=precedence(numbers, identifiers),
        written=len(numbers),
        prefixed=bool(match["v"]),
        build=match["build"] or "",
    )


def precedence(numbers: Sequence[int], identifiers: Identifiers) -> Precedence:
    """The key by which versions compare; numbers that are missing are zero."""
    major, minor, patch = (*numbers, 0, 0, 0)[:3]
    return (major, minor, patch, BEFORE if identifiers else RELEASE, identifiers)


def parse_identifiers(text: str) -> Identifiers | None:
    """The identifiers of a prerelease: numbers come before words. None where a number begins with a zero."""
    identifiers: list[tuple[int, int, str]] = []
    for word in text.split(".") if text else ():
        if not word.isdigit():
            identifiers.append((1, 0, word))
        elif word != "0" and word.startswith("0"):
            return None
        else:
            identifiers.append((0, int(word), ""))
    return tuple(identifiers)
