"""`pierhead init` writes a repository that is valid as it is, and never over anything."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path

import pytest

from agent.cli.init import write_skeleton
from agent.cli.main import main
from agent.schema_files import schema_folder
from agent.settings import load_settings


def test_the_skeleton_is_complete_and_the_next_steps_are_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", str(tmp_path / "config")]) == 0
    written = {
        str(path.relative_to(tmp_path / "config")) for path in (tmp_path / "config").rglob("*") if path.is_file()
    }
    assert {"settings.yaml", "workloads/hello.yaml", "agent.yaml", ".gitignore", "README.md"} <= written
    printed = capsys.readouterr().out
    assert all(path in printed for path in written)
    assert "git push" in printed
    assert f"cd {tmp_path / 'config'}" in printed


def test_the_schemas_lie_where_the_modelines_point(tmp_path: Path) -> None:
    write_skeleton(tmp_path)
    for document in ("settings.yaml", "agent.yaml", "workloads/hello.yaml"):
        first_line = (tmp_path / document).read_text().splitlines()[0]
        schema = (tmp_path / document).parent / first_line.partition("$schema=")[2]
        assert json.loads(schema.read_text())["title"]
    assert (tmp_path / "schemas/source/image.schema.json").is_file()
    originals = [path.name for path in schema_folder().rglob("*.json")]
    assert sorted(path.name for path in (tmp_path / "schemas").rglob("*.json")) == sorted(originals)


def test_the_repository_validates_without_a_single_problem(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_skeleton(tmp_path)
    assert main(["validate", str(tmp_path)]) == 0
    assert "warning" not in capsys.readouterr().out


def test_the_example_of_host_settings_can_be_loaded(tmp_path: Path) -> None:
    write_skeleton(tmp_path)
    settings = load_settings(Namespace(config=str(tmp_path / "agent.yaml")), {"PIERHEAD_HOST": "edge-1"})
    assert settings.repo.url == "https://git.example.com/ops/config.git"
    assert [one.kind for one in settings.secrets] == ["files", "env"]


def test_nothing_is_overwritten_and_nothing_half_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "README.md").write_text("mine")
    assert main(["init", str(tmp_path)]) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]
    assert (tmp_path / "README.md").read_text() == "mine"
    assert "README.md" in capsys.readouterr().err


def test_other_files_of_the_folder_do_not_matter(tmp_path: Path) -> None:
    (tmp_path / "LICENSE").write_text("mine")
    assert main(["init", str(tmp_path)]) == 0
    assert (tmp_path / "LICENSE").read_text() == "mine"


def test_a_folder_that_cannot_be_made_is_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["init", str(tmp_path / "file" / "below")]) == 1
    assert "choose a folder that you can write to" in capsys.readouterr().err
