"""What a registry wants as proof, from its WWW-Authenticate headers. Pure; whatever the header, nothing is raised."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PART = re.compile(
    rf'\s*(?:(?P<name>{_WORD})\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^\s,"]*))|(?P<scheme>{_WORD})'
    r"(?P<credentials>\s+[A-Za-z0-9._~+/-]+=*(?=\s*(?:,|$)))?)\s*,?"
)
_ESCAPED = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way to prove something: `scheme` and the names of `parameters` are in lower case."""

    scheme: str
    parameters: Mapping[str, str] = field(default_factory=dict)


def parse_challenges(headers: Iterable[str]) -> tuple[Challenge, ...]:
    """All challenges, in their order; a header may hold several, and commas inside quotes."""
    return tuple(challenge for header in headers for challenge in _challenges(header))


def _challenges(header: str) -> Iterator[Challenge]:
    scheme, place = "", 0
    parameters: dict[str, str] = {}
    while match := _PART.match(header, place):
        place = match.end()
        if match["scheme"]:
            if scheme:
                yield Challenge(scheme, parameters)
            scheme, parameters = match["scheme"].lower(), {}
        else:
            parameters[match["name"].lower()] = _ESCAPED.sub(r"\1", match["quoted"] or match["plain"] or "")
    if scheme:
        yield Challenge(scheme, parameters)
