"""Where things are in the project, and how to read its Python without running it."""

from __future__ import annotations

import ast
import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
AGENT = ROOT / "agent"
SCHEMAS = ROOT / "schemas"
DOCS = ROOT / "docs"
EXAMPLE = ROOT / "example-repo"


def modules(*folders: Path) -> list[Path]:
    """Every Python module below the folders, sorted."""
    return sorted(path for folder in folders for path in folder.rglob("*.py"))


def name_of(path: Path) -> str:
    """A path as people write it: from the project's root."""
    return path.relative_to(ROOT).as_posix()


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def unmeasured_environment(python_path: Path) -> dict[str, str]:
    """An environment for a copy of the agent, whose lines are not those that coverage is about."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    return kept | {"PYTHONPATH": str(python_path)}
