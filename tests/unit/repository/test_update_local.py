"""Update commits on a repository on this machine: bare, checked out, with edits, and while somebody else commits."""

from __future__ import annotations

import os
import threading
from dataclasses import replace

import pygit2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.git_server import bare, clone, commit, git
from support.writeback import PlainSecrets, StillClock, settings_for

from agent.core.reasons import Reason
from agent.errors import Moved, Stalled, Transient
from agent.repository import checkout as checkouts
from agent.repository.opening import open_publisher, open_repository
from agent.settings import WriteBackSettings

MESSAGE = "shop: shop 1 → 2\n\nPierhead-Host: edge-1\n"
PATH = "workloads/shop.yaml"
START = {PATH: b"tag: 1\n", "workloads/other.yaml": b"other\n"}


class Home:
    """A config repository on this machine and the publisher into it."""

    def __init__(self, folder, place, **fields) -> None:
        self.place = place
        self.settings = settings_for(folder, str(place), **fields)
        self.repository = open_repository(self.settings, PlainSecrets())
        self.publisher = open_publisher(self.settings, self.repository, StillClock())

    def tip(self) -> str:
        return git(self.place, "rev-parse", "refs/heads/main")

    def publish(self, files, base: str | None = None) -> str:
        return self.publisher.publish(base or self.tip(), files, MESSAGE)

    def changed(self) -> list[str]:
        return git(self.place, "diff-tree", "-r", "--no-commit-id", "--name-only", "refs/heads/main").splitlines()

    def content(self, path: str) -> bytes:
        blob = pygit2.Repository(str(self.place)).revparse_single(f"refs/heads/main:{path}")
        return blob.read_raw()


@pytest.fixture
def work(tmp_path):
    folder = tmp_path / "config"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    commit(folder, START)
    return Home(tmp_path, folder)


def status(home) -> str:
    return git(home.place, "status", "--porcelain")


def stalled(call) -> Stalled:
    with pytest.raises(Stalled) as caught:
        call()
    assert caught.value.reason is Reason.UPDATE_REJECTED
    return caught.value


def test_a_bare_repository_gets_one_commit_with_exactly_the_files(tmp_path):
    place = bare(tmp_path / "config.git")
    folder = clone(place, tmp_path / "work")
    commit(folder, START)
    git(folder, "push", "--quiet", "origin", "HEAD:main")
    home = Home(tmp_path, place)
    assert home.repository.fetch().changed
    base = home.tip()
    revision = home.publish({PATH: b"tag: 2\n"})
    assert home.tip() == revision
    assert git(place, "rev-parse", "main^") == base
    assert home.changed() == [PATH]
    assert git(place, "log", "-1", "--format=%an <%ae> %cn %B", "main").startswith(
        "Pierhead <pierhead@edge-1> Pierhead shop: shop 1 → 2"
    )
    fetched = home.repository.fetch()
    assert (fetched.revision, fetched.changed, fetched.messages) == (revision, True, (MESSAGE,))
    assert home.repository.commit_trailers(revision) == {"pierhead-host": ("edge-1",)}
    assert git(place, "fsck", "--strict", "--full") == ""


def test_a_checked_out_branch_is_followed_by_its_files_and_index(work):
    home = work
    home.publish({PATH: b"tag: 2\n"})
    assert (home.place / PATH).read_bytes() == b"tag: 2\n"
    assert status(home) == ""
    assert "pierhead: update" in git(home.place, "reflog", "-1")


def test_unrelated_edits_staged_or_not_stay_as_they_are(work):
    home = work
    (home.place / "workloads/other.yaml").write_text("edited\n")
    (home.place / "new.txt").write_text("new")
    git(home.place, "add", "new.txt")
    (home.place / "untracked.txt").write_text("u")
    before = status(home)
    home.publish({PATH: b"tag: 2\n"})
    assert status(home) == before
    assert home.changed() == [PATH]


@pytest.mark.parametrize("staged", [False, True])
def test_an_edited_file_is_never_overwritten(work, staged):
    home = work
    (home.place / PATH).write_text("tag: mine\n")
    if staged:
        git(home.place, "add", PATH)
    base = home.tip()
    error = stalled(lambda: home.publish({PATH: b"tag: 2\n", "workloads/other.yaml": b"o\n"}))
    assert PATH in error.message
    assert "other.yaml" not in error.message
    assert "commit or stash" in error.advice
    assert home.tip() == base
    assert (home.place / PATH).read_text() == "tag: mine\n"
    git(home.place, "commit", "--quiet", "--all", "--message", "mine")
    home.publish({PATH: b"tag: 2\n"})
    assert status(home) == ""


def test_a_deleted_file_is_an_edit_too(work):
    home = work
    (home.place / PATH).unlink()
    stalled(lambda: home.publish({PATH: b"tag: 2\n"}))


def test_a_file_staged_and_edited_back_is_an_edit(work):
    home = work
    (home.place / PATH).write_text("tag: mine\n")
    git(home.place, "add", PATH)
    (home.place / PATH).write_text("tag: 1\n")
    stalled(lambda: home.publish({PATH: b"tag: 2\n"}))


def test_another_branch_that_is_checked_out_is_left_alone(work):
    home = work
    git(home.place, "checkout", "--quiet", "-b", "topic")
    (home.place / PATH).write_text("tag: mine\n")
    home.publish({PATH: b"tag: 2\n"})
    assert home.content(PATH) == b"tag: 2\n"
    assert (home.place / PATH).read_text() == "tag: mine\n"


def test_a_linked_working_tree_of_the_branch_follows(work, tmp_path):
    home = work
    git(home.place, "checkout", "--quiet", "--detach")
    linked = tmp_path / "linked"
    git(home.place, "worktree", "add", "--quiet", str(linked), "main")
    home.publish({PATH: b"tag: 2\n"})
    assert (linked / PATH).read_bytes() == b"tag: 2\n"
    assert git(linked, "status", "--porcelain") == ""
    assert (home.place / PATH).read_bytes() == b"tag: 1\n"
    (linked / PATH).write_text("mine")
    stalled(lambda: home.publish({PATH: b"tag: 3\n"}))


def test_a_linked_working_tree_may_be_what_is_followed_and_a_lost_one_is_no_hindrance(work, tmp_path):
    home = work
    git(home.place, "checkout", "--quiet", "--detach")
    for name in ("linked", "lost"):
        git(home.place, "worktree", "add", "--quiet", "--force", str(tmp_path / name), "main")
    git(tmp_path / "lost", "checkout", "--quiet", "--detach")
    (tmp_path / "lost").rename(tmp_path / "elsewhere")
    followed = Home(tmp_path, tmp_path / "linked")
    followed.publish({PATH: b"tag: 2\n"})
    assert git(tmp_path / "linked", "status", "--porcelain") == ""


def test_contents_and_modes_are_kept_byte_for_byte(work):
    home = work
    odd = bytes(range(256)) + b"\r\n\r\n \t\xef\xbb\xbf"
    path = home.place / "workloads/run.yaml"
    path.write_bytes(b"old\r\n")
    path.chmod(0o755)
    commit(home.place, {})
    home.publish({"workloads/run.yaml": odd, PATH: b"a: 1\r\nb: 2\r\n"})
    assert home.content("workloads/run.yaml") == path.read_bytes() == odd
    assert (home.place / PATH).read_bytes() == home.content(PATH) == b"a: 1\r\nb: 2\r\n"
    assert git(home.place, "ls-tree", "main", "workloads/run.yaml").startswith("100755")
    assert path.stat().st_mode & 0o777 == 0o755
    assert status(home) == ""


def test_line_endings_are_checked_out_as_attributes_want_them(work):
    home = work
    commit(home.place, {".gitattributes": "*.yaml text eol=crlf\n"})
    git(home.place, "rm", "--quiet", "--cached", "-r", ".")
    git(home.place, "reset", "--quiet", "--hard")
    assert (home.place / PATH).read_bytes() == b"tag: 1\r\n"
    home.publish({PATH: b"tag: 2\n"})
    assert home.content(PATH) == b"tag: 2\n"
    assert (home.place / PATH).read_bytes() == b"tag: 2\r\n"
    assert status(home) == ""


def test_a_path_below_the_configured_one_is_meant(tmp_path):
    folder = tmp_path / "config"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    commit(folder, {f"hosts/edge/{PATH}": "tag: 1\n", PATH: "tag: root\n"})
    home = Home(tmp_path, folder, path="hosts/edge/")
    home.publish({PATH: b"tag: 2\n"})
    assert home.changed() == [f"hosts/edge/{PATH}"]


@pytest.mark.parametrize("path", ["workloads/link.yaml", "linked/shop.yaml", "workloads", "workloads/none.yaml", "x/y"])
def test_only_a_plain_file_of_the_base_can_be_written(work, path):
    home = work
    (home.place / "workloads/link.yaml").symlink_to("shop.yaml")
    (home.place / "linked").symlink_to("workloads")
    base = commit(home.place, {})
    assert path in stalled(lambda: home.publish({path: b"new\n"})).message
    assert home.tip() == base


@pytest.mark.parametrize("path", ["../x.yaml", "/etc/passwd", "workloads/../../x"])
def test_a_path_that_leads_out_is_refused(work, path):
    with pytest.raises(Stalled) as caught:
        work.publish({path: b"new\n"})
    assert caught.value.reason is Reason.FORBIDDEN_PATH


def test_what_is_there_already_makes_no_commit(work):
    assert work.publish({PATH: b"tag: 1\n"}) == work.tip()


def test_a_branch_that_moved_or_is_gone_is_told(work):
    home = work
    base = home.tip()
    newer = commit(home.place, {PATH: "tag: theirs\n"})
    with pytest.raises(Moved):
        home.publish({PATH: b"tag: 2\n"}, base)
    assert home.tip() == newer
    git(home.place, "checkout", "--quiet", "--detach")
    git(home.place, "branch", "--quiet", "-D", "main")
    with pytest.raises(Moved):
        home.publish({PATH: b"tag: 2\n"}, base)


def test_somebody_who_is_faster_wins_and_the_files_are_taken_back(work, monkeypatch):
    home = work
    base = home.tip()
    real = checkouts.Checkout.write

    def write(checkout, edits):
        real(checkout, edits)
        tree = git(home.place, "rev-parse", f"{base}^{{tree}}")
        theirs = git(home.place, "commit-tree", "-p", base, "-m", "theirs", tree)
        git(home.place, "update-ref", "refs/heads/main", theirs, base)
        monkeypatch.setattr(checkouts.Checkout, "write", real)

    monkeypatch.setattr(checkouts.Checkout, "write", write)
    with pytest.raises(Moved):
        home.publish({PATH: b"tag: 2\n"})
    assert (home.place / PATH).read_bytes() == b"tag: 1\n"
    assert status(home) == ""
    home.publish({PATH: b"tag: 2\n"})
    assert git(home.place, "rev-list", "--count", "main") == "3"


def test_nobody_can_stage_or_commit_in_the_middle(work, monkeypatch):
    home = work
    real = checkouts.Checkout.write

    def write(checkout, edits):
        with pytest.raises(AssertionError, match=r"index\.lock"):
            git(home.place, "commit", "--quiet", "--all", "--allow-empty", "--message", "mine")
        real(checkout, edits)

    monkeypatch.setattr(checkouts.Checkout, "write", write)
    home.publish({PATH: b"tag: 2\n"})
    assert status(home) == ""


def test_killed_before_the_branch_moved_the_same_update_completes_it(work, monkeypatch):
    home = work
    real = checkouts.Checkout.write

    def write(checkout, edits):
        real(checkout, edits)
        raise KeyboardInterrupt

    monkeypatch.setattr(checkouts.Checkout, "write", write)
    monkeypatch.setattr(checkouts.Checkout, "take_back", lambda *_: None)
    with pytest.raises(KeyboardInterrupt):
        home.publish({PATH: b"tag: 2\n"})
    monkeypatch.undo()
    assert status(home) == f"M  {PATH}"
    home.publish({PATH: b"tag: 2\n"})
    assert home.content(PATH) == b"tag: 2\n"
    assert status(home) == ""


def test_a_lock_that_a_killed_agent_left_is_taken_over_after_a_minute(work, monkeypatch):
    home = work
    monkeypatch.setattr(checkouts, "BRIEFLY", 0.1)
    lock = home.place / ".git" / "index.lock"
    lock.write_bytes(checkouts.MARK)
    with pytest.raises(Transient):
        home.publish({PATH: b"tag: 2\n"})
    os.utime(lock, (1, 1))
    home.publish({PATH: b"tag: 2\n"})
    lock.write_bytes(b"of git itself")
    os.utime(lock, (1, 1))
    with pytest.raises(Transient, match="git is at work"):
        home.publish({PATH: b"tag: 3\n"})


def test_killed_between_file_and_index_the_same_update_completes_it(work):
    home = work
    (home.place / PATH).write_bytes(b"tag: 2\n")
    home.publish({PATH: b"tag: 2\n"})
    assert status(home) == ""


def test_git_at_work_in_the_folder_is_waited_for(work, monkeypatch):
    home = work
    lock = home.place / ".git" / "index.lock"
    lock.touch()
    monkeypatch.setattr(checkouts, "BRIEFLY", 0.1)
    with pytest.raises(Transient, match="git is at work"):
        home.publish({PATH: b"tag: 2\n"})
    lock.unlink()
    home.publish({PATH: b"tag: 2\n"})


def test_a_locked_branch_leaves_everything_as_it_was(work):
    home = work
    base = home.tip()
    lock = home.place / ".git/refs/heads/main.lock"
    lock.touch()
    with pytest.raises(Transient):
        home.publish({PATH: b"tag: 2\n"})
    lock.unlink()
    assert home.tip() == base
    assert status(home) == ""
    assert (home.place / PATH).read_bytes() == b"tag: 1\n"


def test_a_repository_that_is_gone_is_transient(work):
    home = work
    base = home.tip()
    home.place.rename(home.place.with_name("away"))
    with pytest.raises(Transient):
        home.publish({PATH: b"tag: 2\n"}, base)


def test_hooks_are_never_run(work):
    home = work
    for name in ("pre-commit", "commit-msg", "post-commit", "reference-transaction", "post-checkout"):
        hook = home.place / ".git" / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch {home.place}/ran\nexit 1\n")
        hook.chmod(0o755)
    home.publisher.publish(pygit2.Repository(str(home.place)).revparse_single("main").id.__str__(), {PATH: b"2"}, "m")
    assert not (home.place / "ran").exists()


def test_the_owner_of_a_replaced_file_stays(work):
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    home = work
    os.chown(home.place / PATH, 1234, 1234)
    home.publish({PATH: b"tag: 2\n"})
    found = (home.place / PATH).stat()
    assert (found.st_uid, found.st_gid) == (1234, 1234)


def test_without_push_nothing_is_written_to_the_repository(work):
    config = replace(work.settings, write_back=WriteBackSettings(push=False))
    base = work.tip()
    publisher = open_publisher(config, work.repository, StillClock())
    assert "write_back.push" in stalled(lambda: publisher.publish(base, {PATH: b"2"}, "m")).advice
    assert work.tip() == base


def test_many_at_once_lose_nothing(work):
    home = work
    commit(home.place, {f"workloads/w{number}.yaml": "0\n" for number in range(6)})
    failures: list[BaseException] = []

    def update(number: int) -> None:
        publisher = open_publisher(home.settings, home.repository, StillClock())
        try:
            while True:
                try:
                    base = str(pygit2.Repository(str(home.place)).lookup_reference("refs/heads/main").target)
                    publisher.publish(base, {f"workloads/w{number}.yaml": b"1\n"}, f"w{number}")
                except (Moved, Transient):
                    continue
                return
        except BaseException as error:  # noqa: BLE001 - shown by the assertion below
            failures.append(error)

    threads = [threading.Thread(target=update, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert git(home.place, "rev-list", "--count", "main") == "8"
    assert all(home.content(f"workloads/w{number}.yaml") == b"1\n" for number in range(6))


TREES = st.dictionaries(
    st.lists(st.sampled_from(["a", "b", "c.yaml", "ä ö"]), min_size=1, max_size=3).map(tuple),
    st.binary(max_size=40),
    min_size=1,
    max_size=6,
)


def _without_conflicts(tree):
    """Only paths that are no folder of another one."""
    return {path: text for path, text in tree.items() if not any(other[: len(path)] == path != other for other in tree)}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tree=TREES.map(_without_conflicts).filter(bool), data=st.data())
def test_a_commit_changes_exactly_the_given_files_whatever_the_tree(tmp_path, tree, data):
    place = tmp_path / f"p{len(list(tmp_path.iterdir()))}.git"
    pygit2.init_repository(str(place), bare=True, initial_head="main")
    repository = pygit2.Repository(str(place))
    index = pygit2.Index()
    for parts, content in tree.items():
        index.add(pygit2.IndexEntry("/".join(parts), repository.create_blob(content), pygit2.enums.FileMode.BLOB))
    who = pygit2.Signature("a", "a@b.c")
    base = repository.create_commit("refs/heads/main", who, who, "x", index.write_tree(repository), [])
    chosen = data.draw(st.sets(st.sampled_from(sorted(tree)), min_size=1))
    files = {"/".join(parts): data.draw(st.binary(max_size=40)) for parts in chosen}
    home = Home(tmp_path, place)
    revision = home.publisher.publish(str(base), files, "m")
    wanted = {"/".join(parts): content for parts, content in tree.items()} | files
    found = {}

    def walk(folder, prefix=""):
        for entry in folder:
            if entry.type_str == "tree":
                walk(entry, f"{prefix}{entry.name}/")
            else:
                found[prefix + entry.name] = entry.read_raw()

    commit_ = pygit2.Repository(str(place))[revision]
    walk(commit_.tree)
    assert found == wanted
    assert revision == str(base) or [str(one) for one in commit_.parent_ids] == [str(base)]
