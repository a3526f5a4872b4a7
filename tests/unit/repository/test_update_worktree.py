"""Updates into a followed working tree: files are replaced where they lie."""

from __future__ import annotations

import pytest
from support.git_server import commit, git
from support.writeback import PlainSecrets, StillClock, settings_for

from agent.core.reasons import Reason
from agent.errors import Moved, Stalled, Transient
from agent.repository import update_worktree
from agent.repository.opening import open_publisher, open_repository

PATH = "workloads/shop.yaml"


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "config"
    place.mkdir()
    git(place, "init", "--quiet", "--initial-branch=main")
    commit(place, {f"conf/{PATH}": "tag: 1\n", "conf/workloads/b.yaml": "b\n"})
    return place / "conf"


@pytest.fixture
def opened(folder, tmp_path):
    settings = settings_for(tmp_path, str(folder.parent), worktree=True, path="conf")
    tree = open_repository(settings, PlainSecrets())
    return tree, open_publisher(settings, tree, StillClock())


def test_a_file_is_replaced_with_its_mode_and_is_news_for_the_next_fetch(folder, opened):
    tree, publisher = opened
    (folder / PATH).chmod(0o640)
    base = tree.fetch().revision
    revision = publisher.publish(base, {PATH: b"tag: 2\r\n"}, "m")
    assert (folder / PATH).read_bytes() == b"tag: 2\r\n"
    assert (folder / PATH).stat().st_mode & 0o777 == 0o640
    fetched = tree.fetch()
    assert (fetched.changed, fetched.revision) == (True, revision)
    assert revision != base
    assert git(folder, "rev-list", "--count", "main") == "1"
    assert git(folder, "status", "--porcelain") == f"M conf/{PATH}"
    assert sorted(one.name for one in (folder / "workloads").iterdir()) == ["b.yaml", "shop.yaml"]


def test_any_edit_since_is_planned_on_first(folder, opened):
    tree, publisher = opened
    base = tree.fetch().revision
    (folder / "workloads/b.yaml").write_text("mine\n")
    with pytest.raises(Moved):
        publisher.publish(base, {PATH: b"tag: 2\n"}, "m")
    assert (folder / PATH).read_text() == "tag: 1\n"
    assert tree.fetch().changed
    publisher.publish(tree.fetch().revision, {PATH: b"tag: 2\n"}, "m")
    assert (folder / "workloads/b.yaml").read_text() == "mine\n"


@pytest.mark.parametrize("deleted", [False, True])
def test_an_edit_in_the_last_moment_is_not_overwritten(folder, opened, monkeypatch, deleted):
    tree, publisher = opened
    base = tree.fetch().revision
    real = tree.place

    def place(path):
        (folder / PATH).unlink() if deleted else (folder / PATH).write_text("mine\n")
        return real(path)

    monkeypatch.setattr(tree, "place", place)
    with pytest.raises(Moved):
        publisher.publish(base, {PATH: b"tag: 2\n"}, "m")
    assert deleted or (folder / PATH).read_text() == "mine\n"


def test_what_is_there_already_changes_nothing(folder, opened):
    tree, publisher = opened
    base = tree.fetch().revision
    assert publisher.publish(base, {PATH: b"tag: 1\n"}, "m") == base


@pytest.mark.parametrize("path", ["workloads/link.yaml", "workloads/none.yaml", "notes.txt"])
def test_only_a_plain_document_can_be_written(folder, opened, path):
    tree, publisher = opened
    (folder / "workloads/link.yaml").symlink_to("shop.yaml")
    (folder / "notes.txt").write_text("x")
    with pytest.raises(Stalled) as caught:
        publisher.publish(tree.fetch().revision, {path: b"x"}, "m")
    assert caught.value.reason is Reason.UPDATE_REJECTED
    assert (folder / "notes.txt").read_text() == "x"


@pytest.mark.parametrize("path", ["../x", "linked/shop.yaml", "/etc/passwd"])
def test_a_place_outside_or_behind_a_symlink_is_refused(folder, opened, path):
    tree, _ = opened
    (folder / "linked").symlink_to("workloads")
    with pytest.raises(Stalled) as caught:
        tree.place(path)
    assert caught.value.reason is Reason.FORBIDDEN_PATH


def test_a_disk_that_refuses_is_transient_and_leaves_the_file(folder, opened, monkeypatch):
    tree, publisher = opened
    base = tree.fetch().revision

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(update_worktree, "replace_file", full)
    with pytest.raises(Transient, match="No space left"):
        publisher.publish(base, {PATH: b"tag: 2\n"}, "m")
    assert (folder / PATH).read_text() == "tag: 1\n"
