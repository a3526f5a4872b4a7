"""A problem: one thing wrong with what people wrote, with its place, expectation, finding and fix."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """`error` keeps the document from being used; `warning` does not."""

    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a file of the config repository. Line and column count from 1; 0 when only the file is known."""

    path: str
    line: int = 0
    column: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One finding about one document.

    `pointer` is the path inside the document, `/source/port` style; `code` is a stable PascalCase word for machines;
    `kind` and `name` identify the document where that much could be read.
    """

    position: Position
    code: str
    expected: str
    found: str
    fix: str
    pointer: str = ""
    severity: Severity = Severity.ERROR
    kind: str | None = None
    name: str | None = None

    @property
    def sort_key(self) -> tuple[str, int, int, str, str]:
        """Files in order, then lines, so that a report reads like the files do."""
        return (self.position.path, self.position.line, self.position.column, self.pointer, self.code)
