"""The one error of editing."""

from __future__ import annotations


class CannotEdit(ValueError):
    """A change that cannot be made safely in this text. `line` counts from 1."""

    def __init__(self, line: int, expected: str, found: str, fix: str) -> None:
        super().__init__(f"line {line}: expected {expected}, found {found}; {fix}")
        self.line = line
        self.expected = expected
        self.found = found
        self.fix = fix
