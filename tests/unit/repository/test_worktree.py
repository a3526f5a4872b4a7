"""A working tree is followed with all that is not committed yet."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pygit2
import pytest
from support.git_server import commit, git

from agent.errors import Stalled, Transient
from agent.repository.worktree import WorkTree


@pytest.fixture
def work(tmp_path):
    folder = tmp_path / "work"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    commit(folder, {"workloads/a.yaml": "a", ".gitignore": "*.tmp.yaml\nignored/\n"})
    return folder


def paths(tree) -> list[str]:
    return [file.path for file in tree.files]


def test_uncommitted_and_untracked_files_count_and_ignored_ones_do_not(work):
    (work / "workloads" / "a.yaml").write_text("changed")
    (work / "workloads" / "new.yaml").write_text("new")
    (work / "workloads" / "x.tmp.yaml").write_text("no")
    (work / "workloads" / "ignored").mkdir()
    (work / "workloads" / "ignored" / "y.yaml").write_text("no")
    (work / "settings.yaml").write_text("s")
    tree = WorkTree(work)
    assert tree.fetch().changed
    assert paths(tree.tree()) == ["settings.yaml", "workloads/a.yaml", "workloads/new.yaml"]
    assert [tree.read_blob(file.blob_id) for file in tree.tree().files] == [b"s", b"changed", b"new"]


def test_a_tracked_file_counts_even_where_a_rule_would_ignore_it(work):
    (work / "workloads" / "kept.tmp.yaml").write_text("kept")
    git(work, "add", "--force", "workloads/kept.tmp.yaml")
    assert paths(WorkTree(work).tree()) == ["workloads/a.yaml", "workloads/kept.tmp.yaml"]


def test_blob_ids_are_those_of_git_so_that_a_cache_serves_both(work):
    tree = WorkTree(work).tree()
    assert tree.files[0].blob_id == git(work, "rev-parse", "HEAD:workloads/a.yaml")


def test_each_change_is_a_new_revision_and_a_touch_is_none(work):
    tree = WorkTree(work)
    first = tree.fetch().revision
    assert first.startswith("worktree-")
    assert not tree.fetch().changed
    (work / "workloads" / "a.yaml").write_text("other")
    second = tree.fetch()
    assert second.changed
    assert second.revision != first
    (work / "workloads" / "a.yaml").write_text("a")
    assert tree.fetch().revision == first
    (work / "workloads" / "a.yaml").touch()
    assert not tree.fetch().changed


def test_an_earlier_revision_cannot_be_had_any_more(work):
    tree = WorkTree(work)
    first = tree.fetch().revision
    assert tree.tree(first).revision == first
    (work / "workloads" / "a.yaml").write_text("other")
    tree.fetch()
    with pytest.raises(Transient, match="moved on"):
        tree.tree(first)


def test_a_file_that_changes_while_it_is_read_is_tried_again_later(work):
    tree = WorkTree(work)
    blob_id = tree.tree().files[0].blob_id
    (work / "workloads" / "a.yaml").write_text("other")
    with pytest.raises(Transient, match="changed while"):
        tree.read_blob(blob_id)
    (work / "workloads" / "a.yaml").unlink()
    with pytest.raises(Transient, match="cannot be read"):
        tree.read_blob(blob_id)
    with pytest.raises(Transient):
        tree.read_blob("1" * 40)
    tree.fetch()
    assert paths(tree.tree()) == []


def test_symlinks_are_named_and_not_followed(work):
    (work / "workloads" / "link.yaml").symlink_to("/etc/passwd")
    (work / "workloads" / "loop").symlink_to(".")
    (work / "triggers").symlink_to("workloads")
    (work / "workloads" / "folder.yaml").mkdir()
    found = {file.path: file.kind for file in WorkTree(work).tree().files}
    assert found == {
        "triggers": "symlink",
        "workloads/a.yaml": "file",
        "workloads/link.yaml": "symlink",
        "workloads/loop": "symlink",
    }


def test_a_named_file_is_read_as_it_is_below_the_path_only(work):
    (work / "compose.yaml").write_text("services: {}")
    (work / "inside").symlink_to("compose.yaml")
    (work / "outside").symlink_to("/etc/passwd")
    tree = WorkTree(work)
    assert tree.read_path("worktree-x", "./inside") == b"services: {}"
    assert tree.read_path("worktree-x", "none") is None
    assert tree.read_path("worktree-x", "workloads") is None
    assert tree.read_path("worktree-x", "compose.yaml/deeper") is None
    for bad in ("outside", "../x", "/etc/passwd"):
        with pytest.raises(Stalled):
            tree.read_path("worktree-x", bad)


def test_a_configured_path_narrows_everything(work):
    commit(work, {"ops/workloads/b.yaml": "b"})
    assert paths(WorkTree(work, "ops").tree()) == ["workloads/b.yaml"]
    with pytest.raises(Transient, match="expected a folder"):
        WorkTree(work, "none").fetch()


def test_a_folder_without_git_is_followed_too(tmp_path):
    (tmp_path / "workloads").mkdir()
    (tmp_path / "workloads" / "a.yaml").write_text("a")
    assert paths(WorkTree(tmp_path).tree()) == ["workloads/a.yaml"]


def test_a_saved_file_is_seen_at_once_and_git_itself_is_not(work):
    tree, done = WorkTree(work), threading.Event()
    seen: list[float] = []
    thread = threading.Thread(target=lambda: seen.extend(time.monotonic() for _ in tree.watch(done.is_set)))
    thread.start()
    try:
        deadline = time.monotonic() + 10
        while not seen and time.monotonic() < deadline:  # the watch may not have begun yet
            (work / "workloads" / "a.yaml").write_text(str(time.monotonic()))
            time.sleep(0.1)
        assert seen
        time.sleep(0.3)
        count = len(seen)
        git(work, "update-ref", "refs/heads/other", "HEAD")
        time.sleep(0.3)
        assert len(seen) == count
    finally:
        done.set()
        thread.join(5)
    tree.close()
    assert not thread.is_alive()


def test_a_file_that_goes_away_while_it_is_read_is_left_out(work, monkeypatch):
    """The moment between looking and reading cannot be hit on time, so the reading is told to come late."""
    read = pygit2.hashfile

    def late(path):
        Path(path).unlink()
        return read(path)

    (work / "workloads").mkdir(exist_ok=True)
    (work / "workloads" / "gone.yaml").write_text("a")
    monkeypatch.setattr(pygit2, "hashfile", late)
    assert "workloads/gone.yaml" not in [file.path for file in WorkTree(work).tree().files]
