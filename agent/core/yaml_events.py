"""Events of YAML text, from the C parser or from the exact one, and what a parser says in words that tell what to do.

The C parser is fifty times faster but older than YAML 1.2 in one point that people meet every day: inside brackets and
braces it stumbles over the colon of an unquoted `https://…` or `127.0.0.1:80:80`. Then the exact one reads the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.cyaml import CParser  # type: ignore[attr-defined] # found at run time in one of two modules
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.reader import ReaderError

from agent.core.flaws import Flaw, yaml_flaw

EXACT_BYTES = 64 * 1024
"""Beyond this size the exact parser would take too long."""

NextEvent = Callable[[], Any]

_COLON = "unexpected ':'"


def fast_events(data: bytes) -> NextEvent:
    """The events of the C parser, one at each call; raises YAMLError."""
    following: NextEvent = CParser(data).get_event
    return following


def exact_events(data: bytes) -> NextEvent:
    """The events of the exact parser, one at each call; may raise nearly anything."""
    following: NextEvent = iter(YAML(typ="safe", pure=True).parse(data.decode("utf-8-sig"))).__next__
    return following


def exact_nodes(data: bytes) -> Iterator[Any]:
    """The root nodes of all documents, by the exact parser."""
    yaml = YAML(typ="safe", pure=True)
    yaml.composer.warn_double_anchors = False
    yield from yaml.compose_all(data.decode("utf-8-sig"))


def worth_exact_reading(flaw: Flaw | None, data: bytes) -> bool:
    """Whether the C parser stumbled over what the exact one reads."""
    return flaw is not None and _COLON in flaw.found and len(data) <= EXACT_BYTES


def place_of(mark: Any) -> tuple[int, int]:
    """Line and column, from 1, of a mark."""
    return mark.line + 1, mark.column + 1


def place_at(data: bytes, offset: int) -> tuple[int, int]:
    """Line and column, from 1, of a byte offset."""
    before = data[:offset]
    line_start = before.rfind(b"\n") + 1
    return before.count(b"\n") + 1, len(before[line_start:].decode(errors="replace")) + 1


def unreadable(error: ReaderError, data: bytes) -> Flaw:
    """A character that no YAML text may hold."""
    place = place_at(data, int(error.position))
    character = error.character if isinstance(error.character, int) else 0
    fix = "remove the character; is this a text file?"
    return yaml_flaw(place, "ControlCharacter", "printable text", f"character U+{character:04X}", fix)


def syntax_flaw(error: MarkedYAMLError, data: bytes) -> Flaw:
    """What the C parser says, in words that tell what to do."""
    mark = error.problem_mark or error.context_mark
    place = place_of(mark) if mark is not None else (1, 1)
    rows = data.decode().split("\n")
    row = rows[min(place[0], len(rows)) - 1]
    if "\t" in row[: len(row) - len(row.lstrip())]:
        return yaml_flaw(place, "TabIndentation", "spaces before the first word", "a tab", "indent with spaces")
    found = " ".join(part for part in (error.problem, error.context) if part).removeprefix("found ")
    return yaml_flaw(place, "InvalidYaml", "valid YAML", found, _hint(found))


def _hint(found: str) -> str:
    if "mapping values are not allowed" in found or _COLON in found:
        return "put quotes around a value that contains `:`, and check the indentation"
    if "cannot start any token" in found:
        return "put quotes around the value"
    return "check indentation, quotes and brackets here and on the line before"
