from __future__ import annotations

import json

import pytest

from agent.core.problems import Position, Problem, Severity
from agent.core.report import render

ERROR = Problem(
    position=Position("workloads/web.yaml", 7, 3),
    code="UnknownField",
    expected="one of port, tag",
    found="unknown field `prot`",
    fix="did you mean `port`?",
    pointer="/source/prot",
    kind="Workload",
    name="web",
)
WARNING = Problem(
    position=Position("workloads"),
    code="EmptyFile",
    expected="100%, a:b",
    found="no\nthing",
    fix="",
    severity=Severity.WARNING,
)


def test_text_says_where_what_and_how():
    assert render([ERROR, WARNING], "text").splitlines()[0] == (
        "workloads/web.yaml:7:3: error: source.prot: expected one of port, tag, found unknown field `prot`; "
        "did you mean `port`?"
    )


@pytest.mark.parametrize(
    ("problems", "closing"),
    [
        ([], "no problems"),
        ([ERROR], "1 error, 0 warnings"),
        ([ERROR, ERROR, WARNING], "2 errors, 1 warning"),
    ],
)
def test_text_ends_with_a_count(problems, closing):
    assert render(problems, "text").splitlines()[-1] == closing


def test_a_problem_without_a_place_is_told_too():
    nowhere = Problem(position=Position(""), code="A", expected="e", found="f", fix="")
    assert render([nowhere], "text").splitlines()[0] == "error: expected e, found f"


def test_json_has_every_field():
    (first, second) = json.loads(render([ERROR, WARNING], "json"))
    assert first == {
        "path": "workloads/web.yaml",
        "line": 7,
        "column": 3,
        "severity": "error",
        "code": "UnknownField",
        "kind": "Workload",
        "name": "web",
        "pointer": "/source/prot",
        "expected": "one of port, tag",
        "found": "unknown field `prot`",
        "fix": "did you mean `port`?",
    }
    assert second["name"] is None


def test_github_annotations_stand_on_one_line_each():
    first, second = render([ERROR, WARNING], "github").splitlines()
    assert first.startswith("::error file=workloads/web.yaml,line=7,col=3,title=UnknownField::source.prot: expected")
    assert second == "::warning file=workloads,title=EmptyFile::expected 100%25, a:b, found no%0Athing"
