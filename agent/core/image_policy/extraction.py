"""What of a tag is compared: the whole tag, or what a pattern finds in it, put together by a template.

A template is text with `$name`, `${name}` or `$1` for the groups of the pattern and `$$` for a dollar sign; a group
that took part in no match is empty. The pattern is searched anywhere in the tag, so `^` and `$` bind it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from agent.core.patterns import compiled
from agent.core.values import InvalidValue, quoted

_REFERENCE = re.compile(r"\$(?:(?P<dollar>\$)|(?P<plain>[A-Za-z0-9_]+)|\{(?P<braced>[A-Za-z0-9_]+)\})", re.ASCII)
_EXPECTED = 'a template such as "$ts", "$1" or "$major.$minor"'


class Selection(NamedTuple):
    """Which tags take part, and what of them is compared."""

    pattern: str | None = None
    extract: str | None = None


@lru_cache(maxsize=32768)
def extracted(selection: Selection, tag: str) -> str | None:
    """What is compared of a tag; None where the pattern does not find it. Raises InvalidValue."""
    if selection.pattern is None:
        return tag
    match = compiled(selection.pattern).search(tag)
    if match is None or selection.extract is None:
        return None if match is None else tag
    template = _template(selection.pattern, selection.extract)
    return "".join(part if isinstance(part, str) else match.group(part) or "" for part in template)


def check_selection(selection: Selection) -> None:
    """Raise InvalidValue where the template does not belong to the pattern; its pointer is relative to the trigger."""
    if selection.pattern is not None:
        try:
            compiled(selection.pattern)
        except InvalidValue as error:
            error.pointer = "/pattern"
            raise
    if selection.extract is not None:
        _template(selection.pattern, selection.extract)


@lru_cache(maxsize=256)
def _template(pattern: str | None, extract: str) -> tuple[str | int, ...]:
    """The template as text and numbers of groups."""
    if pattern is None:
        found = f"{quoted(extract)} without a `pattern`"
        raise InvalidValue(_EXPECTED, found, fix="add a `pattern` with that group", pointer="/extract")
    parts: list[str | int] = []
    place = 0
    for match in _REFERENCE.finditer(extract):
        parts.append(_text(extract, place, match.start()))
        parts.append("$" if match["dollar"] else _group(pattern, extract, match))
        place = match.end()
    parts.append(_text(extract, place, len(extract)))
    if all(isinstance(part, str) for part in parts):
        fix = "write `$` before the name of a group of the pattern"
        raise InvalidValue(_EXPECTED, f"{quoted(extract)}, which is the same for all tags", fix=fix, pointer="/extract")
    return tuple(part for part in parts if part != "")


def _text(extract: str, start: int, end: int) -> str:
    text = extract[start:end]
    if "$" in text:
        place = start + text.index("$") + 1
        found = f"a `$` without a name at character {place} of {quoted(extract)}"
        raise InvalidValue(_EXPECTED, found, fix="write `$$` for a dollar sign", pointer="/extract")
    return text


def _group(pattern: str, extract: str, match: re.Match[str]) -> int:
    name = match["plain"] or match["braced"]
    expression = compiled(pattern)
    if name.isdigit() and int(name[:9]) <= expression.groups:
        return int(name)
    if name in expression.groupindex:
        return int(expression.groupindex[name])
    names = [f"${known}" for known in sorted(expression.groupindex)]
    known = ", ".join(names or [f"${number}" for number in range(1, expression.groups + 1)]) or "none"
    raise InvalidValue(
        f"a group of the pattern ({known})",
        f"{quoted(match[0])} at character {match.start() + 1} of {quoted(extract)}",
        fix=f"name the group in the pattern, such as (?P<{name}>…), or correct `extract`",
        pointer="/extract",
    )
