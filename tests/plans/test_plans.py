"""Golden tests of the planner: one folder a case, one intent each, compared by the plan's one text."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.plan_cases import load_case, told

HERE = Path(__file__).parent
CASES = sorted(path for path in HERE.iterdir() if path.is_dir() and path.name != "__pycache__")
FILES = {"case.yaml", "expected.txt"}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_plan_of_a_case_reads_as_expected(case: Path, request: pytest.FixtureRequest):
    text = told(load_case((case / "case.yaml").read_text()))
    expected = case / "expected.txt"
    if request.config.getoption("--update-plans", default=False):
        expected.write_text(text)

    assert text == expected.read_text()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_has_exactly_its_two_files_and_says_what_it_is_for(case: Path):
    assert {path.name for path in case.iterdir()} == FILES
    assert (case / "case.yaml").read_text().startswith("# ")


def test_no_two_cases_are_for_the_same():
    intents = [(case / "case.yaml").read_text().splitlines()[0] for case in CASES]

    assert len(CASES) >= 30
    assert len(set(intents)) == len(intents)
