"""Judges the coverage of the last test run group by group; the groups and thresholds are in pyproject.toml.

Prints one line a group and, for a group that falls short, the files and lines that no test reached.
"""

from __future__ import annotations

import json
import os
import sys
import tomllib
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from tempfile import TemporaryDirectory

from coverage import Coverage
from coverage.exceptions import NoDataError

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / ".state" / "coverage" / "data"


@dataclass(kw_only=True)
class Group:
    """Files judged together; `possible` and `reached` count statements and branches."""

    name: str
    paths: list[str]
    threshold: float
    possible: int = 0
    reached: int = 0
    gaps: list[str] = field(default_factory=list)

    @property
    def percent(self) -> float:
        return 100.0 * self.reached / self.possible if self.possible else 100.0

    @property
    def passed(self) -> bool:
        return self.percent >= self.threshold

    def add(self, name: str, summary: dict[str, int], gap: str) -> None:
        """Count one file in."""
        self.possible += summary["num_statements"] + summary["num_branches"]
        self.reached += summary["covered_lines"] + summary["covered_branches"]
        if gap:
            self.gaps.append(f"{name}: {gap}")


def read_groups() -> list[Group]:
    with (ROOT / "pyproject.toml").open("rb") as file:
        return [Group(**one) for one in tomllib.load(file)["tool"]["pierhead"]["coverage"]]


def read_files() -> dict[str, tuple[dict[str, int], str]]:
    """For each file below agent/: its counts, and what was not reached in words."""
    coverage = Coverage(data_file=DATA, config_file=ROOT / "pyproject.toml")
    coverage.load()
    with TemporaryDirectory() as directory:
        outfile = Path(directory) / "coverage.json"
        coverage.json_report(outfile=str(outfile))
        report = json.loads(outfile.read_text())
    return {
        name.removeprefix("agent/"): (one["summary"], describe(one["missing_lines"], one["missing_branches"]))
        for name, one in sorted(report["files"].items())
    }


def describe(lines: list[int], branches: list[list[int]]) -> str:
    """The lines not run, and the jumps not taken from lines that were."""
    runs: list[list[int]] = []
    for line in lines:
        if runs and line == runs[-1][1] + 1:
            runs[-1][1] = line
        else:
            runs.append([line, line])
    jumps = [f"{start}->{end if end > 0 else 'exit'}" for start, end in branches if start not in lines]
    return ", ".join([f"{first}-{last}" if last > first else str(first) for first, last in runs] + jumps)


def main() -> int:
    os.chdir(ROOT)  # file names in the report are relative to where it is made
    groups = read_groups()
    try:
        files = read_files()
    except NoDataError:
        print(f"coverage: no data in {DATA.relative_to(ROOT)}; run make test first")
        return 1
    for name, (summary, gap) in files.items():
        next(group for group in groups if any(fnmatch(name, pattern) for pattern in group.paths)).add(
            f"agent/{name}", summary, gap
        )
    for group in groups:
        found = f"{group.percent:.1f} %" if group.possible else "nothing in it yet"
        print(f"coverage of {group.name}: {found}, expected at least {group.threshold:.0f} %")
    short = [group for group in groups if not group.passed]
    for group in short:
        print(f"\n{group.name}, not reached:", *group.gaps, sep="\n  ")
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main())
