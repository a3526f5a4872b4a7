"""Problems as text, JSON and GitHub annotations: one wording, three shapes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from agent.core.problems import Problem, Severity
from agent.core.schema_errors import split_pointer

FORMATS = ("text", "json", "github")


def render(problems: Sequence[Problem], output: str) -> str:
    """All problems in one of FORMATS, without a final newline."""
    match output:
        case "json":
            return json.dumps([problem_dict(problem) for problem in problems], indent=2, ensure_ascii=False)
        case "github":
            return "\n".join(_annotation(problem) for problem in problems)
        case _:
            return "\n".join([*(problem_line(problem) for problem in problems), summary(problems)])


def problem_line(problem: Problem) -> str:
    """One problem: `workloads/web.yaml:7:3: error: source.prot: expected …, found …; did you mean `port`?`."""
    place = ":".join(
        str(part) for part in (problem.position.path, problem.position.line, problem.position.column) if part
    )
    head = f"{place}: {problem.severity}" if place else str(problem.severity)
    return f"{head}: {problem_text(problem)}"


def problem_text(problem: Problem) -> str:
    """What is wrong and what to do, without the place in the file."""
    field = ".".join(split_pointer(problem.pointer))
    text = f"expected {problem.expected}, found {problem.found}"
    return (f"{field}: " if field else "") + text + (f"; {problem.fix}" if problem.fix else "")


def problem_dict(problem: Problem) -> dict[str, object]:
    """One problem for machines."""
    return {
        "path": problem.position.path,
        "line": problem.position.line,
        "column": problem.position.column,
        "severity": str(problem.severity),
        "code": problem.code,
        "kind": problem.kind,
        "name": problem.name,
        "pointer": problem.pointer,
        "expected": problem.expected,
        "found": problem.found,
        "fix": problem.fix,
    }


def summary(problems: Iterable[Problem]) -> str:
    """One closing line."""
    severities = [problem.severity for problem in problems]
    errors, warnings = severities.count(Severity.ERROR), severities.count(Severity.WARNING)
    if not severities:
        return "no problems"
    return f"{_counted(errors, 'error')}, {_counted(warnings, 'warning')}"


def _counted(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _annotation(problem: Problem) -> str:
    """A GitHub workflow command; what would end it early is escaped as GitHub asks."""
    position = problem.position
    places = {"file": position.path, "line": position.line, "col": position.column, "title": problem.code}
    fields = ",".join(f"{name}={_escaped_field(str(value))}" for name, value in places.items() if value)
    level = "error" if problem.severity is Severity.ERROR else "warning"
    return f"::{level} {fields}::{_escaped(problem_text(problem))}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escaped_field(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")
