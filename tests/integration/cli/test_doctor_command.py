"""The whole command on a real engine and a real repository."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from support.git_server import commit, git

from agent.cli.init import write_skeleton
from agent.cli.main import main


@pytest.fixture(autouse=True)
def _no_settings_of_the_developer(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [one for one in os.environ if one.startswith("PIERHEAD_")]:
        monkeypatch.delenv(name)


def repository(tmp_path: Path) -> Path:
    working = tmp_path / "config"
    write_skeleton(working)
    git(working, "init", "--quiet", "--initial-branch=main")
    commit(working, {})
    return working


@pytest.mark.engine
def test_on_a_machine_in_order_everything_passes_and_nothing_is_left_behind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = repository(tmp_path)
    flags = [
        "--repo",
        str(folder),
        "--host",
        "edge-1",
        "--data-dir",
        str(tmp_path / "state"),
        "--listen",
        "127.0.0.1:0",
    ]
    before = sorted(tmp_path.rglob("*"))
    code = main(["doctor", "--json", *flags])
    answer = json.loads(capsys.readouterr().out)
    failed = [check for check in answer["checks"] if check["state"] == "fail"]
    assert (code, failed) == (0, [])
    assert {check["name"] for check in answer["checks"]} >= {
        "python", "settings", "data_dir", "disk", "engine", "engine clock", "repository", "push", "documents"
    }  # fmt: skip
    assert sorted(tmp_path.rglob("*")) == before


def test_an_engine_and_a_repository_that_are_away_are_two_failures_with_ways_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    flags = ["--repo", "http://127.0.0.1:1/config.git", "--data-dir", str(tmp_path), "--listen", "127.0.0.1:0"]
    assert main(["doctor", "--host", "edge-1", *flags]) == 1
    printed = capsys.readouterr().out
    assert "fail  engine" in printed
    assert "fail  repository" in printed
    assert "documents" not in printed


def test_a_provider_that_cannot_be_made_is_a_failed_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.secrets.build.provider_kinds", lambda: ())
    flags = ["--repo", str(repository(tmp_path)), "--data-dir", str(tmp_path), "--listen", "127.0.0.1:0"]
    assert main(["doctor", "--host", "edge-1", *flags]) == 1
    assert "fail  secrets" in capsys.readouterr().out


@pytest.mark.parametrize("kind", ["encrypted", "plain"])
def test_encrypted_secrets_of_the_repository_are_tried_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    import pyrage

    identity = pyrage.x25519.Identity.generate()
    key = tmp_path / "age.key"
    key.write_text(f"{identity}\n")
    key.chmod(0o600)
    folder = repository(tmp_path)
    hello = folder / "workloads" / "hello.yaml"
    hello.write_text(hello.read_text().replace("  # API_TOKEN", "  API_TOKEN"))
    content = pyrage.encrypt(b"abcd", [identity.to_public()]) if kind == "encrypted" else b"abcd"
    commit(folder, {"secrets/hello-token.age": content})
    config = tmp_path / "agent.yaml"
    config.write_text(f"secrets:\n  - kind: age\n    key: {key}\n")
    flags = ["--repo", str(folder), "--data-dir", str(tmp_path / "state"), "--listen", "127.0.0.1:0"]
    main(["doctor", "--json", "--config", str(config), "--host", "edge-1", *flags])
    checks = json.loads(capsys.readouterr().out)["checks"]
    documents = [(check["name"], check["state"]) for check in checks if check["name"].startswith("document")]
    wanted = [("documents", "ok")] if kind == "encrypted" else [("documents", "info"), ("document", "warn")]
    assert documents == wanted
