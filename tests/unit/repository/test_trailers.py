"""Trailers of commit messages, as git reads them."""

from __future__ import annotations

import subprocess

import pytest
from support.git_server import commit, git

from agent.repository.trailers import trailers_of
from agent.repository.worktree import WorkTree

UPDATE = "shop: shop 1.4.2 → 1.4.3\n\nPierhead-Trigger: ci\nPierhead-Event: 01J\nPierhead-Host: edge-1\n"


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (UPDATE, {"pierhead-trigger": ("ci",), "pierhead-event": ("01J",), "pierhead-host": ("edge-1",)}),
        (
            UPDATE.replace("\n", "\r\n"),
            {"pierhead-trigger": ("ci",), "pierhead-event": ("01J",), "pierhead-host": ("edge-1",)},
        ),
        ("", {}),
        ("Pierhead-Host: a title is no trailer", {}),
        ("Title\n\nA text that says Pierhead-Host: edge-1 is none either.", {}),
        ("Title\n\nPierhead-Host: edge-1\n\nAnd more text", {}),
        ("Title\n\nSome words\nPierhead-Host: edge-1", {}),
        ("Title\n\nText\n \nPierhead-Host :  edge-1  \n\n\n", {"pierhead-host": ("edge-1",)}),
        ("Title\n\nA: 1\na: 2", {"a": ("1", "2")}),
        ("Title\n\nA: one\n  and more\nB:", {"a": ("one and more",), "b": ("",)}),
        ("Title\n\n  continued: nothing", {}),
    ],
)
def test_the_last_paragraph_counts_when_all_of_it_is_trailers(message, expected):
    assert trailers_of(message) == expected


def test_git_reads_the_same_of_an_update(tmp_path):
    command = ["git", "interpret-trailers", "--parse"]
    lines = subprocess.run(command, input=UPDATE.encode(), capture_output=True, check=True, cwd=tmp_path).stdout
    read = dict(line.split(": ", 1) for line in lines.decode().splitlines())
    assert {key.lower(): (value,) for key, value in read.items()} == trailers_of(UPDATE)


def test_a_mirror_knows_the_trailers_of_commits_it_has_and_of_no_others(config):
    config.push({"workloads/a.yaml": "a"})
    commit(config.work, {"workloads/a.yaml": "b"}, UPDATE)
    git(config.work, "push", "--quiet", "origin", "HEAD:main")
    mirror = config.mirror()
    revision = mirror.fetch().revision
    assert mirror.commit_trailers(revision)["pierhead-host"] == ("edge-1",)
    tree = git(config.work, "rev-parse", f"{revision}^{{tree}}")
    for other in (
        git(config.work, "rev-parse", f"{revision}~1"),
        tree,
        "0" * 40,
        "",
        "main",
        f"{revision}^{{/x",
        ":/x",
    ):
        assert mirror.commit_trailers(other) == {}
    assert mirror.fetch().notes == ()


def test_a_working_tree_knows_those_of_its_repository(config, tmp_path):
    revision = commit(config.work, {"workloads/a.yaml": "b"}, UPDATE)
    tree = WorkTree(config.work)
    assert tree.commit_trailers(revision)["pierhead-host"] == ("edge-1",)
    assert tree.commit_trailers(tree.fetch().revision) == {}
    plain = tmp_path / "plain"
    plain.mkdir()
    assert WorkTree(plain).commit_trailers(revision) == {}
