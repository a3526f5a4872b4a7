"""Expressions and globs that people write into documents: RE2 only, so that none of them can take the agent's time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

import re2

from agent.core.kinds import Finding
from agent.core.schema_errors import join_pointer
from agent.core.values import InvalidValue, quoted

SYNTAX = "write it in RE2 syntax, which knows neither look-around nor back-references"


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> Any:
    """The expression, ready to search with; raises InvalidValue."""
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        words = error.args[0] if error.args else error
        text = words.decode(errors="replace") if isinstance(words, bytes) else str(words)
        raise InvalidValue("an RE2 expression", f"{quoted(pattern)} ({text})", fix=SYNTAX) from None


def found_in(pattern: str | None, text: str | None) -> bool:
    """Whether an expression finds something in a text; no expression finds everything, no text nothing."""
    return pattern is None or (text is not None and compiled(pattern).search(text) is not None)


@lru_cache(maxsize=1024)
def _glob(glob: str) -> Any:
    r"""A glob as an expression: `*` and `?` within one part, `**` over parts, `[a-z]` as usual."""
    parts: list[str] = []
    place = 0
    while place < len(glob):
        text, place = _next(glob, place)
        parts.append(text)
    return compiled(f"^(?:{''.join(parts)})$")


def _next(glob: str, place: int) -> tuple[str, int]:
    """The expression for what stands at a place, and the place behind it."""
    if glob.startswith("**/", place) and (place == 0 or glob[place - 1] == "/"):
        return "(?:.*/)?", place + 3
    if glob.startswith("**", place):
        return ".*", place + 2
    character = glob[place]
    if character == "[" and (end := glob.find("]", place + 2)) > 0:
        inner = glob[place + 1 : end].replace("\\", "\\\\").replace("[", "\\[")
        return f"[{f'^{inner[1:]}' if inner[0] == '!' else inner}]", end + 1
    return {"*": "[^/]*", "?": "[^/]"}.get(character) or re2.escape(character), place + 1


def glob_matches(glob: str, text: str) -> bool:
    """Whether a glob matches the whole text."""
    return _glob(glob).search(text) is not None


def any_path_matches(globs: Iterable[str], paths: Iterable[str]) -> bool:
    """Whether one of the paths is let in by a glob and left out by none that begins with `!`.

    A glob that ends with `/` means everything below; where all globs leave out, the rest is in.
    """
    wanted = [_below(glob) for glob in globs if not glob.startswith("!")] or ["**"]
    unwanted = [_below(glob[1:]) for glob in globs if glob.startswith("!")]
    return any(
        any(glob_matches(glob, path) for glob in wanted) and not any(glob_matches(glob, path) for glob in unwanted)
        for path in paths
    )


def _below(glob: str) -> str:
    return f"{glob}**" if glob.endswith("/") else glob.removeprefix("./")


def check_pattern(pointer: str, pattern: object) -> Iterator[Finding]:
    """The finding about an expression that does not compile."""
    if isinstance(pattern, str):
        yield from _found(pointer, lambda: compiled(pattern))


def check_globs(pointer: str, globs: object) -> Iterator[Finding]:
    """The findings about globs that mean nothing, such as a range the wrong way round."""
    for index, glob in enumerate(globs if isinstance(globs, list | tuple) else [globs]):
        place = join_pointer(pointer, index) if isinstance(globs, list | tuple) else pointer
        if isinstance(glob, str):
            yield from _found(place, lambda glob=glob: _glob(_below(glob.removeprefix("!"))))


def _found(pointer: str, attempt: Any) -> Iterator[Finding]:
    try:
        attempt()
    except InvalidValue as error:
        yield Finding(pointer=pointer, code="InvalidPattern", expected=error.expected, found=error.found, fix=error.fix)
