"""Everything wrong with what people wrote, in the order of the files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from agent.core.problems import Problem, Severity
from agent.web.views.text import clean, one_line


@dataclass(frozen=True, slots=True)
class ProblemRow:
    """One problem. `place` is `path:line:column` as editors and terminals read it."""

    place: str
    path: str
    severity: str
    code: str
    pointer: str
    expected: str
    found: str
    fix: str
    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class File:
    """The problems of one file."""

    path: str
    problems: tuple[ProblemRow, ...]


@dataclass(frozen=True, slots=True)
class ProblemsPage:
    """All of the page."""

    files: tuple[File, ...]
    errors: int
    warnings: int


def problems_page(problems: Sequence[Problem]) -> ProblemsPage:
    rows = [problem_row(problem) for problem in sorted(problems, key=lambda one: one.sort_key)]
    errors = sum(problem.severity is Severity.ERROR for problem in problems)
    files = tuple(File(path, tuple(group)) for path, group in groupby(rows, key=lambda one: one.path))
    return ProblemsPage(files, errors, len(rows) - errors)


def problem_row(problem: Problem) -> ProblemRow:
    path = one_line(problem.position.path, 400)
    line, column = problem.position.line, problem.position.column
    place = f"{path}:{line}:{column}" if line else path
    return ProblemRow(
        place=place,
        path=path,
        severity=str(problem.severity),
        code=one_line(problem.code, 80),
        pointer=one_line(problem.pointer, 300),
        expected=clean(problem.expected),
        found=clean(problem.found),
        fix=clean(problem.fix),
        kind=one_line(problem.kind or "", 80),
        name=one_line(problem.name or "", 260),
    )
