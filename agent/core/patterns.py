"""Expressions and globs that people write into documents: RE2 only, so that none of them can take the agent's time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

from agent.core.kinds import Finding
from agent.core.schema_errors import join_pointer
from agent.core.values import InvalidValue, quoted

_NOT = ("!", "^")
_SPECIAL = re.compile(r"[\\\[\]^]")
_EDGE = re.compile(r"^-|-$")
SYNTAX = "write it in RE2 syntax, which knows neither look-around nor back-references"


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> Any:
    """The expression, ready to search with; raises InvalidValue."""
    import re2

    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        words = error.args[0] if error.args else error
        text = words.decode(errors="replace") if isinstance(words, bytes) else str(words)
        raise InvalidValue("an RE2 expression", f"{quoted(pattern)} ({text})", fix=SYNTAX) from None
    except UnicodeEncodeError:
        raise InvalidValue("an RE2 expression", "half a character", fix="write whole characters") from None


def found_in(pattern: str | None, text: str | None) -> bool:
    """Whether an expression finds something in a text; no expression finds everything, no text nothing."""
    return pattern is None or (text is not None and _searched(compiled(pattern), text))


def _searched(expression: Any, text: str) -> bool:
    """Whether there is a match, also in text that holds half a character, which nobody can mean."""
    return expression.search(text.encode(errors="replace").decode()) is not None


@lru_cache(maxsize=1024)
def _glob(glob: str) -> Any:
    r"""A glob as an expression: `*` and `?` within one part, `**` over parts, `[a-z]` as usual."""
    parts: list[str] = []
    place = 0
    try:
        while place < len(glob):
            text, place = _next(glob, place)
            parts.append(text)
        return compiled(f"(?s)^(?:{''.join(parts)})$")
    except (InvalidValue, UnicodeEncodeError):
        raise InvalidValue(
            "a path or name, or a glob such as web/**", quoted(glob), fix="correct what stands in brackets"
        ) from None


def _next(glob: str, place: int) -> tuple[str, int]:
    """The expression for what stands at a place, and the place behind it."""
    import re2

    if glob.startswith("**/", place) and (place == 0 or glob[place - 1] == "/"):
        return "(?:.*/)?", place + 3
    if glob.startswith("**", place):
        return ".*", place + 2
    character = glob[place]
    if character == "[" and (end := _end_of_class(glob, place)) > 0:
        return _class(glob[place + 1 : end]), end + 1
    return {"*": "[^/]*", "?": "[^/]"}.get(character) or re2.escape(character), place + 1


def _end_of_class(glob: str, place: int) -> int:
    """Where a class in brackets ends; one that begins with `]` holds it. Without an end the bracket means itself."""
    start = place + (3 if glob[place + 1 : place + 2] in _NOT else 2)
    return glob.find("]", start)


def _class(inner: str) -> str:
    """A class in brackets, which never goes over the border of two parts where it leaves out."""
    leaves_out = inner[0] in _NOT
    text = _EDGE.sub(r"\\-", _SPECIAL.sub(r"\\\g<0>", inner[1:] if leaves_out else inner))
    return f"[^/{text}]" if leaves_out else f"[{text}]"


def glob_matches(glob: str, text: str) -> bool:
    """Whether a glob matches the whole text."""
    return _searched(_glob(glob), text)


def wrong_paths(globs: Sequence[str] | None, paths: Sequence[str] | None) -> str:
    """Why no changed path counts; empty where one does, where none is asked for, and where the changes are unknown."""
    if globs is None or paths is None or any_path_matches(globs, paths):
        return ""
    return f"none of {len(paths)} changed paths matches {', '.join(globs)}"


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
    """A glob as it counts from the root of the repository."""
    rooted = glob.removeprefix("./").removeprefix("/")
    return f"{rooted}**" if glob.endswith("/") else rooted


def check_pattern(pointer: str, pattern: object) -> Iterator[Finding]:
    """The finding about an expression that does not compile."""
    if isinstance(pattern, str):
        yield from _found(pointer, lambda: compiled(pattern))


def check_glob(pointer: str, glob: object) -> Iterator[Finding]:
    """The finding about a glob that means nothing, such as one with a range the wrong way round."""
    if isinstance(glob, str):
        yield from _found(pointer, lambda: _glob(glob))


def check_paths(pointer: str, globs: object) -> Iterator[Finding]:
    """The findings about globs of paths."""
    for index, glob in enumerate(globs if isinstance(globs, list) else ()):
        path = _below(glob.removeprefix("!")) if isinstance(glob, str) else None
        yield from check_glob(join_pointer(pointer, index), path)


def _found(pointer: str, attempt: Callable[[], object]) -> Iterator[Finding]:
    try:
        attempt()
    except InvalidValue as error:
        yield Finding(pointer=pointer, code="InvalidPattern", expected=error.expected, found=error.found, fix=error.fix)
