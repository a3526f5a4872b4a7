"""Places in text and their lines. A splice replaces what is between two places; nothing else ever changes text.

Line breaks are those of the C parser: CRLF, LF, CR and the three that Unicode adds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

_BREAK = re.compile(r"\r\n|[\n\r\x85\u2028\u2029]")
_BREAKS = "\n\r\x85\u2028\u2029"
_REST = re.compile(r"((?:[ \t]*,)?)([ \t]*#[^\n\r]*)?[ \t]*(?=[\n\r]|\Z)")


class Splice(NamedTuple):
    """`text` in place of what is from `start` up to `end`."""

    start: int
    end: int
    text: str


def spliced(text: str, splices: Iterable[Splice]) -> str:
    """The text with all splices made; of those at one place the shorter comes first, equal ones in their order."""
    parts: list[str] = []
    done = 0
    for splice in sorted(splices, key=lambda one: (one.start, one.end)):
        parts += text[done : splice.start], splice.text
        done = splice.end
    return "".join(parts) + text[done:]


def line_start(text: str, place: int) -> int:
    """Where the line of a place begins."""
    return max(text.rfind(character, 0, place) for character in _BREAKS) + 1


def line_end(text: str, place: int) -> int:
    """Where the line of a place ends, before its line break."""
    found = _BREAK.search(text, place)
    return len(text) if found is None else found.start()


def next_line(text: str, place: int) -> int:
    """Where the line behind that of a place begins."""
    found = _BREAK.search(text, place)
    return len(text) if found is None else found.end()


def line_break(text: str, place: int) -> str:
    """The line break of a place's line; that of the last line which has one where it has none."""
    found = _BREAK.search(text, place)
    if found is not None:
        return found[0]
    breaks = _BREAK.findall(text)
    return breaks[-1] if breaks else "\n"


def rest_of_line(text: str, place: int) -> re.Match[str] | None:
    """A comma (group 1) and a comment (group 2) where nothing else is left on the line."""
    return _REST.match(text, place)


def lead(text: str, place: int) -> str:
    """What is on the line before a place."""
    return text[line_start(text, place) : place]


def owns_line(text: str, start: int, end: int) -> bool:
    """Whether nothing but a comma and a comment shares the lines of what is from `start` up to `end`."""
    return not lead(text, start).strip() and rest_of_line(text, end) is not None


def comment_splices(text: str, place: int) -> list[Splice]:
    """Takes the comment away that ends a place's line."""
    rest = rest_of_line(text, place)
    return [Splice(rest.start(2), rest.end(), "")] if rest is not None and rest[2] else []


def lines_splice(text: str, start: int, end: int) -> Splice:
    """Takes the lines of `start` to `end` away. At the end of a text without final line break, the one before goes."""
    first, stop = line_start(text, start), line_end(text, end)
    following = next_line(text, end)
    if stop < following:
        return Splice(first, following, "")
    return Splice(first - (2 if text.startswith("\r\n", first - 2) else 1), stop, "")
