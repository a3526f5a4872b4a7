"""A flaw: something wrong at a place of a file, before it is known which path the file has.

Everything about one file is keyed by its content, so that a file that moves is not read again; the path is added last.
"""

from __future__ import annotations

from dataclasses import dataclass

from agent.core.problems import Position, Problem, Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """A problem without path and document. `line` and `column` count from 1."""

    line: int
    column: int
    code: str
    expected: str
    found: str
    fix: str
    pointer: str = ""
    severity: Severity = Severity.ERROR

    def at(self, path: str, kind: str | None, name: str | None) -> Problem:
        """The problem that this flaw is in the file `path`."""
        return Problem(
            position=Position(path, self.line, self.column),
            code=self.code,
            expected=self.expected,
            found=self.found,
            fix=self.fix,
            pointer=self.pointer,
            severity=self.severity,
            kind=kind,
            name=name,
        )


def yaml_flaw(place: tuple[int, int], code: str, expected: str, found: str, fix: str) -> Flaw:
    """A flaw of the text itself, which has no pointer. `place` is line and column, from 1."""
    return Flaw(line=place[0], column=place[1], code=code, expected=expected, found=found, fix=fix)
