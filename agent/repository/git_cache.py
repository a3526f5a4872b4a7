"""Small bare repositories below `data_dir/git-cache`, in which commits of watched repositories are compared.

All of it can be deleted at any time. What was used longest ago goes when it becomes too much.
"""

from __future__ import annotations

import gc
import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import pygit2

from agent.repository.health import remove_locks
from agent.repository.library import MEBIBYTE

FOLDER = "git-cache"
MOST_BYTES = 200 * MEBIBYTE
MOST_REPOSITORIES = 50


class GitCache:
    """`most_bytes` holds for all repositories together, so for each one as well."""

    def __init__(
        self, data_dir: Path, most_bytes: int = MOST_BYTES, most_repositories: int = MOST_REPOSITORIES
    ) -> None:
        self.folder = data_dir / FOLDER
        self.most_bytes = most_bytes
        self._most_repositories = most_repositories
        for place in self._places():
            remove_locks(place)  # only this agent writes here, and it has just started

    def _places(self) -> list[Path]:
        """Longest unused first."""
        return sorted(self.folder.glob("*.git"), key=lambda place: place.stat().st_mtime)

    def place(self, key: str) -> Path:
        """The repository of a key, made where it is not there; from now on it is the one used last."""
        place = self.folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.git"
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            pygit2.init_repository(str(place), bare=True)
        place.touch()
        return place

    def forget(self, place: Path) -> None:
        gc.collect()  # libgit2 shares open packs by their path, and a forgotten repository keeps them open
        shutil.rmtree(place, ignore_errors=True)

    def trim(self, busy: Callable[[Path], bool]) -> None:
        """Delete what is too much, longest unused first, but nothing that is in use."""
        sizes = {place: _size(place) for place in self._places()}
        total, count = sum(sizes.values()), len(sizes)
        for place, size in sizes.items():
            if total <= self.most_bytes and count <= self._most_repositories:
                return
            if not busy(place):
                self.forget(place)
                total, count = total - size, count - 1


def _size(place: Path) -> int:
    return sum(file.stat().st_size for file in place.rglob("*") if file.is_file())
