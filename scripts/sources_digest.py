"""Prints a hash of everything that test results depend on, so that one run can serve two gates."""

from __future__ import annotations

import hashlib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("agent", "schemas", "tests", "example-repo", "pyproject.toml")


def files() -> list[Path]:
    """Every source file below the parts, without what tools leave behind."""
    found: list[Path] = []
    for part in PARTS:
        path = ROOT / part
        candidates = path.rglob("*") if path.is_dir() else [path]
        found.extend(one for one in candidates if one.is_file() and "__pycache__" not in one.parts)
    return sorted(found)


def main() -> None:
    digest = hashlib.sha256()
    for path in files():
        digest.update(f"{path.relative_to(ROOT)}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    print(digest.hexdigest())


if __name__ == "__main__":
    main()
