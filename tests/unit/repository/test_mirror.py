"""The mirror follows whatever the remote does, and mends itself."""

from __future__ import annotations

import os
import shutil
import threading
import time

import pytest
from support.git_server import commit, git

from agent.core.reasons import Reason
from agent.errors import Stalled, Transient

WORKLOAD = "kind: Workload\nname: shop\n"


def reasons(fetched) -> list[str]:
    return [reason for reason, _ in fetched.notes]


def paths(tree) -> list[str]:
    return [file.path for file in tree.files]


def test_a_commit_is_seen_once(config):
    revision = config.push({"workloads/shop.yaml": WORKLOAD})
    mirror = config.mirror()
    first, second = mirror.fetch(), mirror.fetch()
    assert (first.revision, first.changed, first.notes) == (revision, True, ())
    assert (second.revision, second.changed) == (revision, False)
    tree = mirror.tree()
    assert (tree.revision, tree.missing, tree.message) == (revision, "", "change\n")
    assert mirror.read_blob(tree.files[0].blob_id) == WORKLOAD.encode()


def test_only_what_may_be_a_document_is_listed(config):
    config.push(
        {
            "settings.yaml": "kind: Settings\n",
            "README.md": "no",
            "settings.yml": "no",
            "workloads/a.yaml": "a",
            "workloads/deep/er/b.yml": "b",
            "workloads/notes.txt": "no",
            "triggers/t.yaml": "t",
            "registries/r.yaml": "r",
            "log-rules/l.yaml": "l",
            "event-triggers/e.yaml": "e",
            "content/index.yaml": "no",
        }
    )
    mirror = config.mirror()
    mirror.fetch()
    assert paths(mirror.tree()) == [
        "event-triggers/e.yaml",
        "log-rules/l.yaml",
        "registries/r.yaml",
        "settings.yaml",
        "triggers/t.yaml",
        "workloads/a.yaml",
        "workloads/deep/er/b.yml",
    ]
    (settings,) = [file for file in mirror.tree().files if file.path == "settings.yaml"]
    assert len(mirror.read_blob(settings.blob_id)) == 15


def test_everything_is_read_below_the_configured_path(config):
    config.push({"ops/eu/workloads/a.yaml": "a", "workloads/b.yaml": "b", "ops/eu/compose.yaml": "services: {}"})
    mirror = config.mirror(path="ops/eu/")
    revision = mirror.fetch().revision
    assert paths(mirror.tree()) == ["workloads/a.yaml"]
    assert mirror.read_path(revision, "compose.yaml") == b"services: {}"
    with pytest.raises(Stalled, match="leads out"):
        mirror.read_path(revision, "../../workloads/b.yaml")


def test_a_path_that_is_not_there_is_said(config):
    config.push({"workloads/a.yaml": "a"})
    mirror = config.mirror(path="ops")
    mirror.fetch()
    tree = mirror.tree()
    assert tree.files == ()
    assert tree.missing.startswith("the folder ops is not in commit ")


def test_a_path_that_is_a_file_holds_nothing(config):
    config.push({"ops": "a file"})
    mirror = config.mirror(path="ops")
    mirror.fetch()
    assert mirror.tree().missing


def test_symlinks_and_submodules_are_named_and_not_followed(config):
    (config.work / "workloads").mkdir()
    (config.work / "workloads" / "out.yaml").symlink_to("/etc/passwd")
    (config.work / "triggers").symlink_to("workloads")
    git(config.work, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},workloads/sub")
    git(config.work, "update-index", "--add", "--cacheinfo", f"160000,{'2' * 40},registries")
    git(config.work, "add", "workloads/out.yaml", "triggers")
    git(config.work, "commit", "--quiet", "--message", "links")
    git(config.work, "push", "--quiet", "origin", "main")
    mirror = config.mirror()
    mirror.fetch()
    assert [(file.path, file.kind) for file in mirror.tree().files] == [
        ("registries", "submodule"),
        ("triggers", "symlink"),
        ("workloads/out.yaml", "symlink"),
        ("workloads/sub", "submodule"),
    ]


def test_a_name_that_is_not_utf8_is_shown_escaped(config):
    (config.work / "workloads").mkdir()
    (config.work / os.fsdecode(b"workloads/caf\xe9.yaml")).write_text("a")
    config.push({})
    mirror = config.mirror()
    mirror.fetch()
    assert paths(mirror.tree()) == ["workloads/caf\\xe9.yaml"]


def test_a_named_file_may_be_behind_a_symlink_that_stays_inside(config):
    (config.work / "a").mkdir()
    (config.work / "a" / "up").symlink_to("../b")
    (config.work / "b").mkdir()
    (config.work / "out").symlink_to("../../etc/passwd")
    (config.work / "absolute").symlink_to("/etc/passwd")
    (config.work / "loop").symlink_to("loop")
    revision = config.push({"b/file": "content"})
    mirror = config.mirror()
    mirror.fetch()
    assert mirror.read_path(revision, "a/up/file") == b"content"
    assert mirror.read_path(revision, "./a/../b//file") == b"content"
    assert mirror.read_path(revision, "b/none") is None
    assert mirror.read_path(revision, "b") is None
    assert mirror.read_path(revision, "b/file/deeper") is None
    for bad in ("out", "absolute", "loop", "/b/file"):
        with pytest.raises(Stalled) as caught:
            mirror.read_path(revision, bad)
        assert caught.value.reason is Reason.FORBIDDEN_PATH


def test_an_lfs_pointer_is_refused_with_words(config):
    revision = config.push({"big.bin": "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n"})
    mirror = config.mirror()
    mirror.fetch()
    with pytest.raises(Stalled, match="Git LFS pointer"):
        mirror.read_path(revision, "big.bin")


def test_a_file_in_a_submodule_is_not_there(config):
    git(config.work, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},sub")
    git(config.work, "commit", "--quiet", "--message", "sub")
    git(config.work, "push", "--quiet", "origin", "main")
    mirror = config.mirror()
    assert mirror.read_path(mirror.fetch().revision, "sub/file") is None


def test_one_changed_folder_leaves_the_listing_of_the_others(config, monkeypatch):
    config.push({"workloads/a.yaml": "a", "triggers/t.yaml": "t"})
    mirror = config.mirror()
    mirror.fetch()
    before = {file.path: file for file in mirror.tree().files}
    config.push({"workloads/a.yaml": "b"})
    mirror.fetch()
    after = {file.path: file for file in mirror.tree().files}
    assert after["triggers/t.yaml"] is before["triggers/t.yaml"]
    assert after["workloads/a.yaml"].blob_id != before["workloads/a.yaml"].blob_id


def test_a_forced_push_is_followed_and_noted(config):
    config.push({"workloads/a.yaml": "a"})
    old = config.push({"workloads/a.yaml": "b"})
    mirror = config.mirror()
    mirror.fetch()
    git(config.work, "reset", "--quiet", "--hard", "HEAD~1")
    new = config.push({"workloads/a.yaml": "c"}, force=True)
    fetched = mirror.fetch()
    assert (fetched.revision, reasons(fetched)) == (new, [Reason.HISTORY_REWRITTEN])
    assert old[:12] in fetched.notes[0][1]
    assert mirror.read_blob(mirror.tree().files[0].blob_id) == b"c"


def test_a_forced_push_while_the_agent_was_away_is_noted_too(config):
    config.push({"workloads/a.yaml": "a"})
    config.mirror().fetch()
    git(config.work, "commit", "--quiet", "--amend", "--message", "other")
    git(config.work, "push", "--quiet", "--force", "origin", "main")
    assert reasons(config.mirror().fetch()) == [Reason.HISTORY_REWRITTEN]


def test_an_ordinary_commit_after_a_restart_is_not_noted(config):
    config.push({"workloads/a.yaml": "a"})
    config.mirror().fetch()
    config.push({"workloads/a.yaml": "b"})
    fetched = config.mirror().fetch()
    assert (fetched.changed, fetched.notes) == (True, ())


def test_the_messages_of_all_new_commits_are_told_once_and_over_a_restart_too(config):
    config.push({"settings.yaml": "a"})
    mirror = config.mirror()
    assert mirror.fetch().messages == ("change\n",)
    assert mirror.fetch().messages == ()
    mirror.close()
    assert config.mirror().fetch().messages == (), "a new process does not take an old commit for a new one"
    commit(config.work, {"settings.yaml": "b"}, "Try again\n\nPierhead-Retry: web")
    config.push({"settings.yaml": "c"})
    assert config.mirror().fetch().messages == ("change\n", "Try again\n\nPierhead-Retry: web\n")


def test_a_forced_push_tells_the_messages_that_only_it_has(config):
    config.push({"settings.yaml": "a"})
    mirror = config.mirror()
    mirror.fetch()
    git(config.work, "commit", "--quiet", "--amend", "--message", "other")
    git(config.work, "push", "--quiet", "--force", "origin", "HEAD:main")
    assert mirror.fetch().messages == ("other\n",)


def test_a_branch_may_go_and_come_back(config):
    last = config.push({"workloads/a.yaml": "a"})
    mirror = config.mirror()
    mirror.fetch()
    git(config.bare, "update-ref", "-d", "refs/heads/main")
    gone = mirror.fetch()
    assert (gone.revision, gone.changed, reasons(gone)) == (None, True, [Reason.BRANCH_MISSING])
    assert "stays in force" in gone.notes[0][1]
    assert mirror.tree().missing
    assert (mirror.tree().revision, mirror.tree().files) == (last, ())
    assert paths(mirror.tree(last)) == ["workloads/a.yaml"]
    assert mirror.fetch().notes == ()
    config.push({})
    assert mirror.fetch().notes == ()
    assert mirror.tree().missing == ""


def test_an_empty_repository_is_a_missing_branch(config):
    mirror = config.mirror()
    fetched = mirror.fetch()
    assert (fetched.revision, reasons(fetched)) == (None, [Reason.BRANCH_MISSING])
    assert mirror.tree().missing
    assert mirror.tree().revision == ""
    revision = config.push({"workloads/a.yaml": "a"})
    assert mirror.fetch().revision == revision


def test_another_branch_with_a_slash_is_followed(config):
    config.push({"workloads/a.yaml": "a"})
    git(config.work, "push", "--quiet", "origin", "HEAD:refs/heads/env/prod")
    mirror = config.mirror(branch="env/prod")
    assert mirror.fetch().revision == git(config.work, "rev-parse", "HEAD")


def test_before_the_first_answer_nothing_is_claimed(config):
    config.push({"workloads/a.yaml": "a"})
    mirror = config.mirror()
    with pytest.raises(Transient, match="not been read yet"):
        mirror.tree()


def test_a_restart_without_the_remote_serves_the_last_commit(config):
    config.push({"workloads/a.yaml": "a"})
    config.mirror().fetch()
    shutil.rmtree(config.bare)
    mirror = config.mirror()
    with pytest.raises(Transient) as caught:
        mirror.fetch()
    assert caught.value.reason is Reason.REPOSITORY_UNREACHABLE
    assert caught.value.advice
    assert paths(mirror.tree()) == ["workloads/a.yaml"]


def test_a_ref_that_does_not_exist_is_named(config):
    config.push({})
    mirror = config.mirror()
    mirror.fetch()
    with pytest.raises(Stalled, match="no commit v9"):
        mirror.tree("v9")


def test_a_blob_that_does_not_exist_is_transient(config):
    config.push({})
    mirror = config.mirror()
    mirror.fetch()
    with pytest.raises(Transient):
        mirror.read_blob("1" * 40)


def test_another_url_is_another_mirror(config, tmp_path):
    config.push({"workloads/a.yaml": "a"})
    config.mirror().fetch()
    other = tmp_path / "other.git"
    shutil.copytree(config.bare, other)
    commit_id = config.push({"workloads/a.yaml": "b"})
    config.bare = other
    fetched = config.mirror().fetch()
    assert fetched.revision != commit_id
    assert fetched.notes == ()


def loose_objects(mirror) -> list:
    objects = mirror.path / "objects"
    return [*objects.glob("[0-9a-f][0-9a-f]/*"), *objects.glob("pack/*.pack")]


def damage_nothing(mirror) -> None:
    (mirror.path / "refs" / "heads" / "x.lock").write_text("")


def damage_head(mirror) -> None:
    (mirror.path / "HEAD").write_bytes(b"\0\0")


def damage_config(mirror) -> None:
    (mirror.path / "config").write_bytes(b"[core\n\xff")


def damage_objects(mirror) -> None:
    for path in loose_objects(mirror):
        path.chmod(0o644)
        path.write_bytes(path.read_bytes()[:-30] + b"x" * 5)


def remove_objects(mirror) -> None:
    shutil.rmtree(mirror.path / "objects")


def empty_ref(mirror) -> None:
    (mirror.path / "refs" / "remotes" / "origin" / "main").write_text("")


def garbage_ref(mirror) -> None:
    (mirror.path / "refs" / "remotes" / "origin" / "main").write_text("not a commit\n")


def ref_to_nothing(mirror) -> None:
    (mirror.path / "refs" / "remotes" / "origin" / "main").write_text("1" * 40 + "\n")


DAMAGES = [damage_head, damage_config, damage_objects, remove_objects, empty_ref, garbage_ref, ref_to_nothing]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_broken_mirror_is_made_anew_at_the_start(config, damage):
    revision = config.push({"workloads/a.yaml": "a"})
    before = config.mirror()
    before.fetch()
    before.close()
    damage(before)
    mirror = config.mirror()
    fetched = mirror.fetch()
    assert fetched.revision == revision
    assert set(reasons(fetched)) <= {Reason.MIRROR_REBUILT}
    assert mirror.read_blob(mirror.tree().files[0].blob_id) == b"a"
    git(mirror.path, "fsck", "--strict")


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_mirror_that_breaks_while_running_is_made_anew(config, damage):
    config.push({"workloads/a.yaml": "a"})
    mirror = config.mirror()
    mirror.fetch()
    damage(mirror)
    revision = config.push({"workloads/a.yaml": "b"})
    fetched = mirror.fetch()
    assert fetched.revision == revision
    assert mirror.read_blob(mirror.tree().files[0].blob_id) == b"b"
    mirror.fetch()
    assert config.mirror().fetch().revision == revision


def test_reading_from_a_broken_mirror_mends_it(config):
    config.push({"workloads/a.yaml": "a"})
    config.mirror().fetch()
    mirror = config.mirror()
    remove_objects(mirror)
    (mirror.path / "objects").mkdir()
    assert paths(mirror.tree()) == ["workloads/a.yaml"]
    assert Reason.MIRROR_REBUILT in reasons(mirror.fetch())


def test_a_broken_mirror_without_its_remote_is_transient(config):
    config.push({"workloads/a.yaml": "a"})
    config.mirror().fetch()
    mirror = config.mirror()
    remove_objects(mirror)
    shutil.rmtree(config.bare)
    with pytest.raises(Transient):
        mirror.tree()
    with pytest.raises(Transient):
        mirror.fetch()


def test_locks_of_a_killed_process_are_removed(config):
    config.push({"workloads/a.yaml": "a"})
    before = config.mirror()
    before.fetch()
    left = [
        before.path / "refs" / "remotes" / "origin" / "main.lock",
        before.path / "packed-refs.lock",
        before.path / "config.lock",
        before.path / "objects" / "pack" / "tmp_pack_x",
    ]
    for path in left:
        path.write_text("")
    revision = config.push({"workloads/a.yaml": "b"})
    fetched = config.mirror().fetch()
    assert (fetched.revision, fetched.notes) == (revision, ())
    assert not any(path.exists() for path in left)


def test_a_half_made_mirror_is_made_anew(config):
    revision = config.push({"workloads/a.yaml": "a"})
    half = config.folder / "data" / "mirror.git"
    (half / "objects").mkdir(parents=True)
    fetched = config.mirror().fetch()
    assert fetched.revision == revision


def test_a_file_in_place_of_the_data_folder_is_explained(config):
    config.push({})
    (config.folder / "data").write_text("")
    with pytest.raises(Transient, match="cannot be made"):
        config.mirror()


def test_no_password_is_written_into_the_mirror(config):
    config.push({"workloads/a.yaml": "a"})
    mirror = config.mirror()
    mirror.fetch()
    assert str(config.bare) not in (mirror.path / "config").read_text()


def test_a_local_repository_tells_at_once_that_its_branch_moved(config):
    config.push({"workloads/a.yaml": "a"})
    mirror = config.mirror()
    mirror.fetch()
    done, seen = threading.Event(), []

    def follow() -> None:
        seen.extend(time.monotonic() for _ in mirror.watch(done.is_set))

    thread = threading.Thread(target=follow)
    thread.start()
    try:
        deadline = time.monotonic() + 10
        while not seen and time.monotonic() < deadline:  # the watch may not have begun yet
            moved = time.monotonic()
            config.push({})
            wait_until = time.monotonic() + 1
            while not seen and time.monotonic() < wait_until:
                time.sleep(0.005)
        assert seen
        assert seen[0] - moved < 1.0
    finally:
        done.set()
        thread.join(5)
    assert not thread.is_alive()


def test_a_local_repository_that_is_not_there_cannot_be_watched(config):
    mirror = config.mirror()
    shutil.rmtree(config.bare)
    with pytest.raises(Transient, match="cannot be watched"):
        next(mirror.watch(lambda: False))


def test_a_closed_mirror_says_so(config):
    mirror = config.mirror()
    mirror.close()
    with pytest.raises(Transient, match="closed"):
        mirror.tree()


def test_a_working_repository_is_followed_like_a_bare_one(config):
    revision = config.push({"workloads/a.yaml": "a"})
    config.bare = config.work
    assert config.mirror().fetch().revision == revision
    config.bare = f"file://{config.work}"
    assert config.mirror().fetch().revision == revision


def test_many_threads_may_read_while_one_fetches(config):
    config.push({f"workloads/{number}.yaml": str(number) for number in range(50)})
    mirror = config.mirror()
    mirror.fetch()
    failures: list[BaseException] = []

    def read() -> None:
        try:
            for _ in range(20):
                for file in mirror.tree().files:
                    mirror.read_blob(file.blob_id)
        except BaseException as error:  # noqa: BLE001 - shown by the assertion below
            failures.append(error)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(10):
        config.push({"workloads/0.yaml": f"again {number}"})
        mirror.fetch()
    for thread in threads:
        thread.join()
    assert failures == []
