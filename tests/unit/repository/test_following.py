"""When to fetch, what a URL names, what a mirror leaves behind, and any repository at any ref."""

from __future__ import annotations

import os
import threading
import time

import pygit2
import pytest
from support.git_server import bare, git

from agent.core.reasons import Reason
from agent.errors import Stalled, Transient
from agent.repository.compaction import compact
from agent.repository.library import Bounded
from agent.repository.local import LocalRepository, open_reader
from agent.repository.refs import decode, encode
from agent.repository.schedule import FetchSchedule
from agent.repository.urls import is_ssh, local_path, redact


def test_fetches_come_at_the_interval_a_little_spread():
    assert FetchSchedule(30, lambda: 0.5).delay() == pytest.approx(30)
    assert FetchSchedule(30, lambda: 0.0).delay() == pytest.approx(27)
    assert FetchSchedule(30, lambda: 1.0).delay() == pytest.approx(33)


def test_failures_double_the_delay_up_to_ten_minutes_and_success_ends_that():
    schedule = FetchSchedule(30, lambda: 0.5)
    delays = []
    for _ in range(7):
        schedule.failed()
        delays.append(schedule.delay())
    assert delays == pytest.approx([60, 120, 240, 480, 600, 600, 600])
    schedule.succeeded()
    assert schedule.delay() == pytest.approx(30)


def test_an_interval_longer_than_ten_minutes_stays():
    schedule = FetchSchedule(3600, lambda: 0.5)
    schedule.failed()
    assert schedule.delay() == pytest.approx(3600)


@pytest.mark.parametrize(
    ("url", "path", "ssh"),
    [
        ("/srv/config.git", "/srv/config.git", False),
        ("file:///srv/my%20config", "/srv/my config", False),
        ("https://git.example.com/config.git", None, False),
        ("ssh://git@git.example.com:22/config.git", None, True),
        ("git@git.example.com:ops/config.git", None, True),
        ("git.example.com:ops/config.git", None, True),
        ("git://git.example.com/config.git", None, False),
    ],
)
def test_a_url_names_a_folder_or_a_remote(url, path, ssh):
    found = local_path(url)
    assert (str(found) if found else None, is_ssh(url)) == (path, ssh)


def test_a_relative_path_is_a_folder():
    assert local_path("config").is_absolute()


def test_what_stands_before_the_at_sign_is_never_shown():
    text = "cannot reach https://pierhead:p@ss/w0rd@git.example.com/x and https://t0ken@h/x"
    assert redact("https://u:p%40ss@h/x") == "https://***@h/x"
    assert "t0ken" not in redact(text)


@pytest.mark.parametrize(
    "host",
    ["edge-1", "a.b", "update", ".x", "x.", "a..b", "x.lock", "-x", "a/b", "ü", "a b~^:?*[\\", "@", "a@{b", "%2F"],
)
def test_every_host_name_becomes_one_ref_part_and_back(host, tmp_path):
    part = encode(host)
    assert decode(part) == host
    assert part != "update"
    git(tmp_path, "check-ref-format", f"refs/heads/pierhead/{part}")
    assert pygit2.reference_is_valid_name(f"refs/heads/pierhead/{part}")


def test_a_call_that_hangs_is_given_up_and_not_piled_up():
    bounded, release = Bounded("fetch"), threading.Event()
    begun = time.monotonic()
    with pytest.raises(Transient, match=r"within 0\.1 s"):
        bounded.run(release.wait, 0.1)
    with pytest.raises(Transient, match="still hangs"):
        bounded.run(lambda: 1, 5)
    assert time.monotonic() - begun < 3
    release.set()
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            assert bounded.run(lambda: 1, 5) == 1
            break
        except Transient:
            time.sleep(0.01)
    else:
        pytest.fail("the bound was never lifted")


def test_what_a_bounded_call_raises_is_raised():
    with pytest.raises(ZeroDivisionError):
        Bounded("fetch").run(lambda: 1 // 0, 5)


def many_loose(mirror, count: int = 30) -> None:
    """Rewrite a file many times without git's own packing."""
    repository = pygit2.Repository(str(mirror))
    who = pygit2.Signature("a", "b@example.com", 1, 0)
    parents: list[pygit2.Oid] = []
    for number in range(count):
        inner = repository.TreeBuilder()
        inner.insert("a.yaml", repository.create_blob(f"number {number}\n".encode()), 0o100644)
        builder = repository.TreeBuilder()
        builder.insert("workloads", inner.write(), 0o040000)
        builder.insert("sub", pygit2.Oid(hex="1" * 40), 0o160000)
        parents = [repository.create_commit(None, who, who, str(number), builder.write(), parents)]
    repository.references.create("refs/heads/main", parents[0], force=True)


def test_many_small_files_become_one_pack(tmp_path, monkeypatch):
    monkeypatch.setattr("agent.repository.compaction.MANY_LOOSE", 50)
    mirror = bare(tmp_path / "mirror.git")
    assert not compact(mirror, time.time())
    many_loose(mirror)
    head = git(mirror, "rev-list", "--objects", "main")
    assert compact(mirror, time.time() + 7200)
    assert "count: 0\n" in git(mirror, "count-objects", "--verbose")
    assert git(mirror, "rev-list", "--objects", "main") == head
    assert git(mirror, "fsck", "--full", "--connectivity-only") == ""
    assert not compact(mirror, time.time() + 7200)


def test_what_was_written_within_the_hour_stays(tmp_path, monkeypatch):
    monkeypatch.setattr("agent.repository.compaction.MANY_LOOSE", 50)
    mirror = bare(tmp_path / "mirror.git")
    many_loose(mirror)
    fresh = pygit2.Repository(str(mirror)).create_blob(b"not referred to yet")
    assert compact(mirror, time.time())
    assert git(mirror, "cat-file", "-p", str(fresh)) == "not referred to yet"


def test_packs_are_joined_and_a_repeated_pack_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr("agent.repository.compaction.MANY_LOOSE", 50)
    monkeypatch.setattr("agent.repository.compaction.MANY_PACKS", 1)
    mirror = bare(tmp_path / "mirror.git")
    many_loose(mirror)
    for _ in range(2):
        assert compact(mirror, time.time() + 7200)
        for pack in (mirror / "objects" / "pack").iterdir():
            os.utime(pack, (1, 1))
    assert len(list((mirror / "objects" / "pack").glob("*.pack"))) == 1
    git(mirror, "rev-list", "--objects", "main")


def test_a_mirror_that_cannot_be_compacted_is_left(tmp_path, monkeypatch):
    monkeypatch.setattr("agent.repository.compaction.MANY_LOOSE", 50)
    mirror = bare(tmp_path / "mirror.git")
    many_loose(mirror)
    (mirror / "refs" / "heads" / "broken").write_text("1" * 40 + "\n")
    before = git(mirror, "count-objects")
    assert not compact(mirror, time.time() + 7200)
    assert git(mirror, "count-objects") == before


def test_a_mirror_is_compacted_in_passing(config, monkeypatch):
    monkeypatch.setattr("agent.repository.compaction.MANY_PACKS", 1)
    revision = config.push({"workloads/a.yaml": "a"})
    mirror = config.mirror()
    assert mirror.fetch().revision == revision
    assert mirror.tree().files[0].path == "workloads/a.yaml"


def test_any_ref_of_a_local_repository_can_be_read(config):
    first = config.push({"workloads/a.yaml": "one"})
    git(config.work, "tag", "v1")
    config.push({"workloads/a.yaml": "two"})
    config.push({"workloads/b.yaml": "b"})
    repository = LocalRepository(config.work / "workloads")
    assert len(repository.tree().files) == 2
    for ref in ("v1", first, first[:10], "HEAD~2", "main~2"):
        reader = open_reader(config.work, ref)
        assert [reader.read_blob(file.blob_id) for file in reader.tree.files] == [b"one"]
    assert repository.read_path("v1", "workloads/a.yaml") == b"one"
    assert open_reader(config.bare, "main", "workloads").tree.files == ()


def test_a_branch_that_only_the_remote_has_is_found_by_its_name(config):
    config.push({"workloads/a.yaml": "a"})
    git(config.work, "push", "--quiet", "origin", "HEAD:refs/heads/feature")
    git(config.work, "fetch", "--quiet", "origin")
    assert open_reader(config.work, "feature").tree.files


def test_a_folder_without_a_repository_and_a_ref_without_a_commit_are_explained(config, tmp_path_factory):
    for folder in (tmp_path_factory.mktemp("plain"), tmp_path_factory.mktemp("gone") / "none"):
        with pytest.raises(Stalled, match="expected a git repository"):
            LocalRepository(folder)
    config.push({})
    with pytest.raises(Stalled) as caught:
        open_reader(config.work, "nowhere")
    assert caught.value.reason is Reason.BRANCH_MISSING


def test_a_damaged_local_repository_is_explained(config):
    revision = config.push({"workloads/a.yaml": "a"})
    repository = LocalRepository(config.work)
    with pytest.raises(Stalled, match="git fsck"):
        repository.read_blob("1" * 40)
    tree = git(config.work, "rev-parse", "HEAD^{tree}")
    (config.work / ".git" / "objects" / tree[:2] / tree[2:]).unlink()
    with pytest.raises(Stalled, match="git fsck"):
        repository.tree()
    with pytest.raises(Stalled, match="git fsck"):
        repository.read_path(revision, "workloads/a.yaml")
    (config.work / ".git" / "config").write_bytes(b"[core\n\xff")
    with pytest.raises(Stalled, match="cannot be opened"):
        LocalRepository(config.work)
