"""Finds and reads the schema files: inside the installed package, else in the repository this file lies in.

A schema is known by its path below the folder, without the ending: `workload`, `source/image`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

ENDING = ".schema.json"


@cache
def schema_folder() -> Path:
    """The folder of the schema files; the installed package carries it as `agent/_schemas`."""
    package = Path(__file__).resolve().parent
    installed = package / "_schemas"
    return installed if installed.is_dir() else package.parent / "schemas"


def read_schemas(folder: Path | None = None) -> dict[str, Mapping[str, Any]]:
    """All schemas by name, in order of names."""
    root = folder or schema_folder()
    names = sorted(str(path.relative_to(root).as_posix()).removesuffix(ENDING) for path in root.rglob(f"*{ENDING}"))
    return {name: json.loads((root / f"{name}{ENDING}").read_text(encoding="utf-8")) for name in names}


@cache
def schemas() -> Mapping[str, Mapping[str, Any]]:
    """The schemas that this agent carries, read once."""
    return read_schemas()
