"""Ranges of versions as npm and Masterminds read them: `>=1.4 <2`, `^1.2`, `~1.2.3`, `1.x`, `1.2 - 2.0`, `a || b`.

A group is what its comparisons have in common, a range what one of its groups lets in. A prerelease is in a range only
where its group names one (`>=1.4.0-0`), or where prereleases are asked for; and `<2` never lets `2.0.0-rc.1` in,
although that is before 2.0.0.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from agent.core.image_policy.semantic import MAX_LENGTH, PRERELEASE, SemanticVersion, parse_identifiers
from agent.core.image_policy.stretches import LEAST, Operand, Stretch, stretch
from agent.core.values import InvalidValue, quoted

EXPECTED = 'a range of versions such as ">=1.4 <2", "^1.2", "~1.2.3", "1.x" or "1.2 - 2.0 || 3.1"'

_OPERATOR = re.compile(r"(>=|=>|<=|=<|!=|~>|[<>=~^]|)\s*")
_SAME = {"=>": ">=", "=<": "<=", "~>": "~", "": "="}
_NUMBER = r"(?:[0-9]+|[xX*])"
_OPERAND = re.compile(
    rf"[vV]?({_NUMBER}(?:\.{_NUMBER}){{0,2}})(?:-({PRERELEASE}))?(?:\+[0-9A-Za-z.-]+)?(?=[\s,|]|$)", re.ASCII
)
_HYPHEN = re.compile(r"\s+-\s+")
_BETWEEN = re.compile(r"[\s,]*")


class Group(NamedTuple):
    """What all comparisons between two `||` have in common."""

    wanted: Stretch
    excluded: tuple[Stretch, ...]
    prereleases: bool

    @property
    def empty(self) -> bool:
        return self.wanted.high is not None and self.wanted.low >= self.wanted.high


class Range(NamedTuple):
    """Versions that one of the groups lets in."""

    groups: tuple[Group, ...]

    def admits(self, version: SemanticVersion, *, prereleases: bool = False) -> bool:
        """Whether a version is in the range; prereleases where the range names one, or all are wanted."""
        key = version.precedence
        return any(
            group.wanted.holds(key)
            and (prereleases or group.prereleases or not version.prerelease)
            and not any(one.holds(key) for one in group.excluded)
            for group in self.groups
        )


class _Comparison(NamedTuple):
    stretch: Stretch
    excludes: bool
    prerelease: bool


@lru_cache(maxsize=1024)
def parse_range(text: str) -> Range:
    """The range that a text means; raises InvalidValue, which says at which character it stopped understanding."""
    if len(text) > MAX_LENGTH:
        raise InvalidValue(EXPECTED, f"a text of {len(text)} characters", fix=f"write at most {MAX_LENGTH}")
    groups: list[Group] = []
    place = 0
    for part in text.split("||"):
        groups.append(_group(list(_comparisons(text, place, place + len(part)))))
        place += len(part) + 2
    if all(group.empty for group in groups):
        raise InvalidValue(EXPECTED, f"{quoted(text)}, which no version can be in", fix="exchange the two bounds")
    return Range(tuple(groups))


def _group(comparisons: list[_Comparison]) -> Group:
    wanted = [one.stretch for one in comparisons if not one.excludes]
    ends = [one.high for one in wanted if one.high is not None]
    return Group(
        wanted=Stretch(max((one.low for one in wanted), default=LEAST), min(ends) if ends else None),
        excluded=tuple(one.stretch for one in comparisons if one.excludes),
        prereleases=any(one.prerelease for one in comparisons),
    )


def _comparisons(text: str, place: int, end: int) -> Iterator[_Comparison]:
    """The comparisons of one group, which reaches from `place` to `end`."""
    place = _behind(_BETWEEN, text, place, end)
    if place == end:
        raise _unreadable(text, place, "a version")
    while place < end:
        comparison, place = _comparison(text, place, end)
        yield comparison
        place = _behind(_BETWEEN, text, place, end)


def _comparison(text: str, place: int, end: int) -> tuple[_Comparison, int]:
    start = _behind(_OPERATOR, text, place, end)
    operator = text[place:start].rstrip()
    operand, behind = _operand(text, start, end)
    hyphen = _HYPHEN.match(text, behind, end) if not operator else None
    if hyphen is not None:
        last, behind = _operand(text, hyphen.end(), end)
        named = bool(operand.identifiers or last.identifiers)
        return _Comparison(Stretch(operand.floor, last.end), excludes=False, prerelease=named), behind
    meant = stretch(_SAME.get(operator, operator), operand)
    if meant is None:
        raise _unreadable(text, start, "a number")
    return _Comparison(meant, excludes=operator == "!=", prerelease=bool(operand.identifiers)), behind


def _operand(text: str, place: int, end: int) -> tuple[Operand, int]:
    match = _OPERAND.match(text, place, end)
    if match is None:
        raise _unreadable(text, place, "a version")
    words = match[1].split(".")
    known = next((index for index, word in enumerate(words) if not word.isdigit()), len(words))
    identifiers = parse_identifiers(match[2] or "")
    if identifiers is None:
        raise _unreadable(text, place, "a prerelease whose numbers do not begin with 0")
    if any(word.isdigit() for word in words[known:]):
        raise _unreadable(text, place, "nothing but wildcards behind a wildcard")
    numbers = tuple(int(word) for word in words[:known])
    if identifiers and known == len(words):
        numbers = (*numbers, 0, 0)[:3]
    return Operand(numbers, identifiers), match.end()


def _behind(what: re.Pattern[str], text: str, place: int, end: int) -> int:
    """The place behind something that may be empty."""
    match = what.match(text, place, end)
    return match.end() if match else place


def _unreadable(text: str, place: int, expected: str) -> InvalidValue:
    word = text[place:].split(maxsplit=1)
    found = f"{quoted(word[0])} at character {place + 1} of {quoted(text)}" if word else f"the end of {quoted(text)}"
    return InvalidValue(EXPECTED, f"{found}, where {expected} was expected", fix="correct the range")
