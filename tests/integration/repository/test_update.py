"""Update commits pushed to real remotes: taken, refused, cut off, and in the middle of everybody else's pushes."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest
from support.git_server import GitServer, SshServer, bare, clone, commit, git
from support.writeback import PlainSecrets, StillClock, settings_for

from agent.core.reasons import Reason
from agent.errors import Moved, PierheadError, Stalled, Transient
from agent.repository.mirror import Mirror
from agent.repository.opening import open_publisher
from agent.repository.remote import Moved as MovedAsBefore

PASSWORD = "hunter2-planted"
PATH = "workloads/shop.yaml"
MESSAGE = "shop: shop 1 → 2\n\nPierhead-Trigger: ci\nPierhead-Host: edge-1\n"


class Site:
    """A server with one config repository, a mirror of it, and the publisher."""

    def __init__(self, server: GitServer, folder, **fields) -> None:
        self.server = server
        self.folder = folder
        self.bare = server.create("config")
        self.work = clone(self.bare, folder / "work")
        self.secrets = PlainSecrets(token=PASSWORD)
        self.push({PATH: "tag: 1\n", "workloads/other.yaml": "other\n"})
        self.open(**fields)

    def open(self, **fields) -> None:
        given = {"url": self.server.url("config"), "username": "pierhead", "password": "token", "timeout": 10.0}
        given |= fields
        settings = settings_for(self.folder, given.pop("url"), **given)
        self.mirror = Mirror(settings.repo, self.folder / f"data-{len(list(self.folder.iterdir()))}", self.secrets)
        self.publisher = open_publisher(settings, self.mirror, StillClock())
        self.base = self.mirror.fetch().revision

    def push(self, files, message: str = "change") -> str:
        git(self.work, "pull", "--quiet", "--rebase", "origin", "main") if self.tip() else None
        revision = commit(self.work, files, message)
        git(self.work, "push", "--quiet", "origin", "HEAD:main")
        return revision

    def tip(self) -> str:
        return git(self.bare, "for-each-ref", "--format=%(objectname)", "refs/heads/main")

    def publish(self, files=None, base: str | None = None) -> str:
        return self.publisher.publish(base or self.base, files or {PATH: b"tag: 2\n"}, MESSAGE)

    def hook(self, name: str, script: str) -> None:
        path = self.bare / "hooks" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def content(self, path: str = PATH) -> str:
        return git(self.bare, "show", f"main:{path}")


@pytest.fixture
def site(tmp_path) -> Iterator[Site]:
    with GitServer(tmp_path / "srv", username="pierhead", password=PASSWORD) as server:
        yield Site(server, tmp_path)


def failure(call) -> PierheadError:
    with pytest.raises(PierheadError) as caught:
        call()
    assert PASSWORD not in f"{caught.value} {caught.value.__cause__!r}"
    return caught.value


def test_an_update_becomes_the_tip_and_is_news_for_the_next_fetch(site):
    revision = site.publish()
    assert site.tip() == revision
    assert git(site.bare, "rev-parse", "main^") == site.base
    assert git(site.bare, "diff-tree", "-r", "--no-commit-id", "--name-only", "main") == PATH
    assert git(site.bare, "log", "-1", "--format=%an <%ae>|%(trailers:key=Pierhead-Host,valueonly)", "main").startswith(
        "Pierhead <pierhead@edge-1>|edge-1"
    )
    assert site.mirror.tree().revision == revision
    assert site.mirror.commit_trailers(revision)["pierhead-trigger"] == ("ci",)
    fetched = site.mirror.fetch()
    assert (fetched.revision, fetched.changed, fetched.messages, fetched.notes) == (revision, True, (MESSAGE,), ())
    assert git(site.bare, "fsck", "--strict", "--full") == ""


def test_one_update_after_the_other_needs_no_fetch_between(site):
    first = site.publish()
    second = site.publish({"workloads/other.yaml": b"new\n"}, first)
    assert git(site.bare, "rev-list", "--count", f"{site.base}..main") == "2"
    assert site.mirror.fetch().revision == second


def test_what_is_there_already_makes_no_commit(site):
    before = list(site.server.requests)
    assert site.publish({PATH: b"tag: 1\n"}) == site.base
    assert site.server.requests == before


def test_a_branch_that_moved_is_told_and_the_next_try_builds_on_it(site):
    theirs = site.push({"workloads/other.yaml": "theirs\n"})
    with pytest.raises(Moved):
        site.publish()
    assert site.tip() == theirs
    revision = site.publish(base=site.mirror.fetch().revision)
    assert git(site.bare, "rev-parse", "main^") == theirs
    assert site.tip() == revision
    assert MovedAsBefore is Moved


def test_somebody_who_pushes_while_ours_is_on_the_way_wins(site):
    theirs = []

    def sneak() -> None:
        site.server.before_push = lambda: None
        theirs.append(site.push({"workloads/other.yaml": "theirs\n"}))

    site.server.before_push = sneak
    with pytest.raises(Moved):
        site.publish()
    assert [site.tip()] == theirs


@pytest.mark.parametrize("gone", [False, True])
def test_a_branch_that_was_set_back_or_is_gone_is_not_pushed_forward_again(site, gone):
    first = site.base
    newer = site.push({PATH: "tag: 1.5\n"})
    base = site.mirror.fetch().revision
    assert base == newer
    git(site.bare, "update-ref", *(["-d", "refs/heads/main"] if gone else ["refs/heads/main", first]))
    with pytest.raises(Moved):
        site.publish(base=base)
    assert site.tip() == ("" if gone else first)


def test_a_commit_that_the_mirror_does_not_have_is_moved(site):
    with pytest.raises(Moved):
        site.publish(base="1" * 40)


def push_until_taken(site, number: int) -> None:
    """What a person does: push, and where that is refused fetch, rebase and push again."""
    folder = clone(site.bare, site.folder / f"person-{number}")
    commit(folder, {f"workloads/p{number}.yaml": "p\n"}, f"person {number}")
    for _ in range(60):
        try:
            git(folder, "push", "--quiet", "origin", "HEAD:main")
        except AssertionError:
            git(folder, "fetch", "--quiet", "origin")
            git(folder, "rebase", "--quiet", "origin/main")
        else:
            return


def publish_until_taken(site) -> str:
    """What the agent does; Transient is another push that holds the lock of the branch."""
    base = site.base
    for _ in range(200):
        with suppress(Transient):
            try:
                return site.publish(base=base)
            except Moved:
                base = site.mirror.fetch().revision
    pytest.fail("the update never got through")


def test_ten_pushers_and_an_update_all_land(site):
    threads = [threading.Thread(target=push_until_taken, args=(site, number)) for number in range(10)]
    for thread in threads:
        thread.start()
    revision = publish_until_taken(site)
    for thread in threads:
        thread.join(90)
    assert git(site.bare, "rev-list", "--count", f"{site.base}..main") == "11"
    assert git(site.bare, "merge-base", "--is-ancestor", revision, "main") == ""
    assert site.content() == "tag: 2"
    assert len(git(site.bare, "ls-tree", "--name-only", "main", "workloads/").splitlines()) == 12
    assert git(site.bare, "diff-tree", "-r", "--no-commit-id", "--name-only", revision) == PATH
    assert git(site.bare, "fsck", "--strict", "--full", "--no-dangling") == ""


def test_an_answer_that_is_lost_is_found_out(site):
    site.server.cut_push = True
    revision = site.publish()
    assert site.tip() == revision
    assert site.mirror.tree().revision == revision
    assert "asked" not in git(site.mirror.path, "for-each-ref")


def test_an_answer_that_is_lost_while_somebody_builds_on_ours_is_found_out_too(site):
    site.server.cut_push = True
    site.hook("post-receive", _commit_on_top())
    revision = site.publish()
    assert git(site.bare, "rev-parse", "main^") == revision
    assert site.mirror.tree().revision == revision
    assert site.mirror.fetch().revision == site.tip()


def _commit_on_top() -> str:
    who = "GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a"
    return f"git update-ref refs/heads/main $({who} git commit-tree -p main -m theirs 'main^{{tree}}')"


def test_a_push_of_unknown_fate_can_be_published_again(site):
    """The answer is lost, and the server away when it is asked: the plan made anew finds the update there."""
    site.server.cut_push = True
    site.server.after_push = lambda: setattr(site.server, "refuse", 503)
    assert isinstance(failure(site.publish), Transient)
    site.server.after_push = lambda: None
    site.server.refuse = 0
    site.server.cut_push = False
    with pytest.raises(Moved):
        site.publish()
    assert site.publish(base=site.mirror.fetch().revision) == site.tip()
    assert git(site.bare, "rev-list", "--count", f"{site.base}..main") == "1"


@pytest.mark.parametrize(
    ("script", "advised"),
    [
        (
            "echo 'GitLab: You are not allowed to push code to protected branches.' >&2; exit 1",
            "bypass",
        ),
        ("echo 'remote: error: GH006: Protected branch update failed for refs/heads/main.' >&2; exit 1", "bypass"),
        ("echo 'Commits must have verified signatures.' >&2; exit 1", "signed"),
        ("exit 1", "pull_request"),
    ],
)
@pytest.mark.parametrize("name", ["pre-receive", "update"])
def test_a_hook_that_refuses_is_stalled_with_its_words(site, name, script, advised):
    site.hook(name, script)
    error = failure(site.publish)
    assert isinstance(error, Stalled)
    assert error.reason is Reason.UPDATE_REJECTED
    assert advised in error.advice
    said = script.partition("'")[2].partition("'")[0]
    assert said in error.message
    assert "hook declined" in error.message
    assert site.tip() == site.base
    assert site.mirror.tree().revision == site.base
    (site.bare / "hooks" / name).unlink()
    assert site.publish() == site.tip()


def test_a_hook_whose_own_server_is_away_is_tried_again(site):
    site.hook("pre-receive", "echo 'GitLab: Internal API unreachable' >&2; exit 1")
    assert isinstance(failure(site.publish), Transient)


def test_a_login_that_may_only_read_is_told_what_to_do(site):
    site.server.refuse_push = 403
    error = failure(site.publish)
    assert isinstance(error, Stalled)
    assert error.reason is Reason.UPDATE_REJECTED
    assert "right to push to main" in error.advice
    site.server.refuse_push = 0
    assert site.publish() == site.tip()


def test_a_password_that_is_wrong_by_now_is_about_the_login(site):
    site.secrets.values["token"] = "wrong"
    error = failure(site.publish)
    assert isinstance(error, Stalled)
    assert error.reason is Reason.REPOSITORY_UNAUTHORIZED
    assert "repo.password" in error.advice


def test_a_repository_that_allows_no_rewriting_takes_an_update(site):
    git(site.bare, "config", "receive.denyNonFastForwards", "true")
    git(site.bare, "config", "receive.denyDeletes", "true")
    assert site.publish() == site.tip()


def test_a_remote_with_the_branch_checked_out_is_told(site):
    git(site.bare, "config", "core.bare", "false")
    git(site.bare, "config", "core.worktree", str(site.folder / "served"))
    (site.folder / "served").mkdir()
    error = failure(site.publish)
    assert error.reason is Reason.UPDATE_REJECTED
    assert "denyCurrentBranch" in error.advice


@pytest.mark.parametrize("code", [500, 503])
def test_a_server_in_trouble_is_transient_and_nothing_happened(site, code):
    site.server.refuse_push = code
    assert isinstance(failure(site.publish), Transient)
    site.server.refuse_push = 0
    assert site.publish() == site.tip()
    assert git(site.bare, "rev-list", "--count", f"{site.base}..main") == "1"


def test_a_remote_that_is_away_is_transient(site):
    site.server.stop()
    assert failure(site.publish).reason is Reason.REPOSITORY_UNREACHABLE
    site.server.start()
    assert site.publish() == site.tip()


def test_a_server_that_hangs_is_given_up_in_time(site):
    site.open(timeout=0.6)
    site.server.hang = True
    assert isinstance(failure(site.publish), Transient)
    site.server.hang = False


def test_bytes_and_modes_are_kept_and_the_configured_path_holds(site):
    odd = bytes(range(256)) + b"\r\n\r\n\xef\xbb\xbf"
    (site.work / "hosts").mkdir()
    (site.work / "hosts/run.yaml").write_text("x")
    (site.work / "hosts/run.yaml").chmod(0o755)
    site.push({"hosts/workloads/crlf.yaml": b"a: 1\r\n", PATH: b"root\n"})
    site.open(path="hosts")
    site.publish({"run.yaml": odd, "workloads/crlf.yaml": b"a: 2\r\nb: \t \r\n"})
    fresh = clone(site.bare, site.folder / "fresh")
    assert (fresh / "hosts/run.yaml").read_bytes() == odd
    assert (fresh / "hosts/workloads/crlf.yaml").read_bytes() == b"a: 2\r\nb: \t \r\n"
    assert git(fresh, "ls-tree", "HEAD", "hosts/run.yaml").startswith("100755")
    assert (fresh / PATH).read_bytes() == b"root\n"


def test_a_broken_mirror_is_made_anew_and_the_update_planned_again(site):
    shutil.rmtree(site.mirror.path / "objects" / "pack")
    with pytest.raises(Moved):
        site.publish()
    assert site.publish(base=site.mirror.fetch().revision) == site.tip()


def test_a_full_disk_is_transient(site, monkeypatch):
    for folder in (site.mirror.path / "objects", *(site.mirror.path / "objects").iterdir()):
        folder.chmod(0o755)
    objects = site.mirror.path / "objects"
    kept = objects.rename(objects.with_name("kept"))
    objects.write_text("no folder")
    monkeypatch.setattr(site.mirror, "repair", lambda _: False)
    error = failure(site.publish)
    assert error.reason is Reason.WRITE_BACK_FAILED
    objects.unlink()
    kept.rename(objects)
    assert site.publish() == site.tip()


@pytest.fixture(scope="module")
def sshd(tmp_path_factory):
    with SshServer(tmp_path_factory.mktemp("ssh") / "sshd") as server:
        yield server


@pytest.fixture
def ssh_site(site, sshd):
    site.secrets.values["key"] = sshd.key
    site.open(url=sshd.url(site.bare), ssh_key="key", known_hosts=sshd.known_hosts, username=None, password=None)
    return site


@pytest.mark.program("sshd")
def test_an_update_over_ssh_lands_and_a_moved_branch_is_told(ssh_site):
    assert ssh_site.publish() == ssh_site.tip()
    with pytest.raises(Moved):
        ssh_site.publish({PATH: b"tag: 3\n"})


@pytest.mark.program("sshd")
def test_a_hook_over_ssh_is_told_in_its_words(ssh_site):
    ssh_site.hook("pre-receive", "echo 'this branch is protected, ask Ada' >&2; exit 1")
    error = failure(ssh_site.publish)
    assert error.reason is Reason.UPDATE_REJECTED
    assert "ask Ada" in error.message


@pytest.mark.program("sshd")
def test_connections_with_other_known_hosts_at_the_same_time_do_not_disturb_each_other(site, sshd, tmp_path):
    """libgit2 has one home folder a process; each connection sees its own known hosts all the same."""
    site.secrets.values["key"] = sshd.key
    kind, key = (sshd.folder / "stranger.pub").read_text().split()[:2]
    fields = {"ssh_key": "key", "username": None, "password": None}
    trusted = settings_for(tmp_path, sshd.url(site.bare), known_hosts=sshd.known_hosts, **fields).repo
    wrong = f"[127.0.0.1]:{sshd.port} {kind} {key}\n"
    distrusted = settings_for(tmp_path, sshd.url(site.bare), known_hosts=wrong, **fields).repo
    found: dict[str, list[str]] = {"trusted": [], "distrusted": []}

    def fetch(name, settings) -> None:
        mirror = Mirror(settings, tmp_path / name, site.secrets)
        for _ in range(8):
            try:
                found[name].append(mirror.fetch().revision or "")
            except PierheadError as error:
                found[name].append(error.reason)

    threads = [threading.Thread(target=fetch, args=one) for one in (("trusted", trusted), ("distrusted", distrusted))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == {"trusted": [site.tip()] * 8, "distrusted": [Reason.REPOSITORY_UNAUTHORIZED] * 8}


def test_a_file_url_is_published_to_directly(tmp_path):
    place = bare(tmp_path / "config.git")
    work = clone(place, tmp_path / "work")
    commit(work, {PATH: "tag: 1\n"})
    git(work, "push", "--quiet", "origin", "HEAD:main")
    settings = settings_for(tmp_path, place.as_uri())
    mirror = Mirror(settings.repo, settings.data_dir, PlainSecrets())
    publisher = open_publisher(settings, mirror, StillClock())
    revision = publisher.publish(mirror.fetch().revision, {PATH: b"tag: 2\n"}, MESSAGE)
    assert mirror.fetch().revision == revision
