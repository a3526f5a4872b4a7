"""A bare origin and a working clone of it, on disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from support.git_server import bare, clone, commit, git
from support.writeback import PlainSecrets, settings_for

from agent.repository.mirror import Mirror


@dataclass
class Config:
    """The config repository: `bare` is the remote, `work` is where people commit."""

    folder: Path
    bare: Path
    work: Path

    def push(self, files: dict[str, str | bytes | None], *, force: bool = False) -> str:
        revision = commit(self.work, files)
        git(self.work, "push", "--quiet", *(["--force"] if force else []), "origin", "HEAD:main")
        return revision

    def mirror(self, **fields: object) -> Mirror:
        return Mirror(settings_for(self.folder, str(self.bare), **fields).repo, self.folder / "data", PlainSecrets())


@pytest.fixture
def config(tmp_path: Path) -> Config:
    origin = bare(tmp_path / "config.git")
    return Config(tmp_path, origin, clone(origin, tmp_path / "work"))
