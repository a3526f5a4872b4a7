"""Watched repositories on real servers: heads without a fetch, and changed paths with as small a one as possible."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from support.git_server import GitServer, SshServer, clone, commit, git
from support.writeback import PlainSecrets, settings_for

from agent.core.reasons import Reason
from agent.errors import PierheadError, Stalled, Transient
from agent.ports import GitLogin
from agent.repository.git_cache import GitCache
from agent.repository.heads import RemoteHeads
from agent.repository.opening import open_heads

PASSWORD = "hunter2-planted"
LOGIN = GitLogin(username="reader", password_secret="app-token")


class App:
    """A watched repository on a server that asks for a login."""

    def __init__(self, server: GitServer, folder) -> None:
        self.server = server
        self.folder = folder
        self.bare = server.create("app")
        self.work = clone(self.bare, folder / "work")
        self.url = server.url("app")
        self.secrets = PlainSecrets(**{"app-token": PASSWORD, "host-token": PASSWORD})
        fields = {"username": "reader", "password": "host-token", "timeout": 10.0}
        self.settings = settings_for(folder, server.url("config"), **fields)
        self.heads = open_heads(self.settings, self.secrets)

    def push(self, files, *, force: bool = False) -> str:
        revision = commit(self.work, files)
        git(self.work, "push", "--quiet", *(["--force"] if force else []), "--tags", "origin", "HEAD:main")
        return revision

    def changed(self, old: str, new: str):
        return self.heads.changed_paths(self.url, LOGIN, old, new)

    def by_id(self) -> None:
        git(self.bare, "config", "uploadpack.allowAnySHA1InWant", "true")

    def caches(self) -> list:
        return list((self.settings.data_dir / "git-cache").glob("*.git"))


@pytest.fixture
def app(tmp_path) -> Iterator[App]:
    with GitServer(tmp_path / "srv", username="reader", password=PASSWORD) as server:
        yield App(server, tmp_path)


def failure(call) -> PierheadError:
    with pytest.raises(PierheadError) as caught:
        call()
    assert PASSWORD not in f"{caught.value} {caught.value.__cause__!r}"
    return caught.value


def test_branches_and_tags_are_listed_and_nothing_is_fetched(app):
    assert app.heads.heads(app.url, LOGIN) == {}
    commit(app.work, {"a": "1"})
    git(app.work, "tag", "--annotate", "--message", "m", "v1")
    tagged = git(app.work, "rev-parse", "HEAD")
    tip = app.push({"a": "2"})
    before = len(app.server.requests)
    assert app.heads.heads(app.url, LOGIN) == {"refs/heads/main": tip, "refs/tags/v1": tagged}
    assert not any("POST" in one for one in app.server.requests[before:])
    assert app.caches() == []


def test_the_hosts_own_login_is_for_its_own_repository_only(app):
    app.server.create("config")
    assert app.heads.heads(app.server.url("config"), None) == {}
    error = failure(lambda: app.heads.heads(app.url, None))
    assert isinstance(error, Stalled)
    assert "none is set" in error.message
    assert "the trigger's password" in error.advice
    assert "may read this repository" in error.advice
    app.secrets.values["host-token"] = "wrong"
    assert "repo.password" in failure(lambda: app.heads.heads(app.server.url("config"), None)).advice


def test_a_wrong_login_and_a_missing_secret_are_told(app):
    app.secrets.values["app-token"] = "wrong"
    assert failure(lambda: app.heads.heads(app.url, LOGIN)).reason is Reason.REPOSITORY_UNAUTHORIZED
    lost = GitLogin(username="reader", password_secret="lost")
    assert failure(lambda: app.heads.heads(app.url, lost)).reason is Reason.SECRET_MISSING


def test_a_server_that_is_away_or_has_no_such_repository_is_transient(app):
    app.server.refuse = 404
    assert "the trigger's repo" in failure(lambda: app.heads.heads(app.url, LOGIN)).advice
    app.server.refuse = 0
    app.server.stop()
    assert isinstance(failure(lambda: app.heads.heads(app.url, LOGIN)), Transient)
    assert isinstance(failure(lambda: app.changed("1" * 40, "2" * 40)), Transient)


@pytest.mark.parametrize("by_id", [False, True])
def test_changed_paths_are_found_with_and_without_commits_by_id(app, by_id):
    if by_id:
        app.by_id()
    old = app.push({"web/a": "1", "api/b": "1"})
    app.push({"web/a": "2"})
    new = app.push({"web/new": "1"})
    assert app.changed(old, new) == ("web/a", "web/new")
    newer = app.push({"api/b": "2"})
    assert app.changed(new, newer) == ("api/b",)
    assert app.changed(old, newer) == ("api/b", "web/a", "web/new")


def test_with_commits_by_id_no_history_is_fetched(app):
    app.by_id()
    old = app.push({"a": "0"})
    for number in range(1, 30):
        app.push({"a": str(number)})
    new = app.push({"a": "new"})
    assert app.changed(old, new) == ("a",)
    [cache] = app.caches()
    assert git(cache, "cat-file", "--batch-all-objects", "--batch-check=%(objecttype)").split().count("commit") == 2


def test_what_is_known_already_is_not_fetched_again(app):
    old, new = app.push({"a": "1"}), app.push({"a": "2"})
    assert app.changed(old, new) == ("a",)
    before = list(app.server.requests)
    assert app.changed(old, new) == ("a",)
    assert app.server.requests == before


@pytest.mark.parametrize("by_id", [False, True])
def test_a_force_push_whose_old_commit_is_gone_leaves_it_open(app, by_id):
    if by_id:
        app.by_id()
    app.push({"a": "1"})
    git(app.work, "commit", "--quiet", "--amend", "--message", "rewritten")
    new = app.push({"b": "2"}, force=True)
    assert app.changed("1" * 40, new) is None


def test_a_force_push_whose_old_commit_was_seen_is_compared(app):
    first, old = app.push({"a": "1"}), app.push({"a": "2"})
    assert app.changed(first, old) == ("a",)
    git(app.work, "checkout", "--quiet", "--orphan", "anew")
    new = app.push({"a": "2", "b": "1"}, force=True)
    assert app.changed(old, new) == ("b",)


def test_a_commit_that_no_branch_is_at_any_more_leaves_it_open(app):
    old, new = app.push({"a": "1"}), app.push({"a": "2"})
    app.push({"a": "3"})
    assert app.changed(old, new) is None


def test_tags_are_found_by_their_commits(app):
    old = app.push({"a": "1"})
    new = commit(app.work, {"a": "2"})
    git(app.work, "tag", "--annotate", "--message", "m", "v2")
    git(app.work, "push", "--quiet", "origin", "v2")
    assert app.changed(old, new) == ("a",)


def test_a_repository_that_is_too_large_leaves_it_open_and_is_not_tried_again(app):
    old = app.push({"a": os.urandom(300_000)})
    new = app.push({"a": os.urandom(300_000)})
    app.heads = RemoteHeads(app.settings.repo, app.secrets, GitCache(app.settings.data_dir, most_bytes=100_000))
    assert app.changed(old, new) is None
    assert app.caches() == []
    before = list(app.server.requests)
    assert app.changed(old, new) is None
    assert app.server.requests == before


def test_a_broken_cache_is_made_anew(app):
    old, new = app.push({"a": "1"}), app.push({"a": "2"})
    assert app.changed(old, new) == ("a",)
    [cache] = app.caches()
    (cache / "HEAD").write_bytes(b"\0")
    shutil.rmtree(cache / "objects")
    assert app.changed(old, new) == ("a",)


def test_another_login_does_not_see_what_this_one_fetched(app):
    old, new = app.push({"a": "1"}), app.push({"a": "2"})
    assert app.changed(old, new) == ("a",)
    stranger = GitLogin(username="stranger", password_secret="host-token")
    error = failure(lambda: app.heads.changed_paths(app.url, stranger, old, new))
    assert error.reason is Reason.REPOSITORY_UNAUTHORIZED


def test_a_server_that_hangs_is_given_up_and_holds_up_no_other(app):
    app.heads = open_heads(settings_for(app.folder, "/nowhere", timeout=0.6), app.secrets)
    app.server.hang = True
    assert isinstance(failure(lambda: app.heads.heads(app.url, LOGIN)), Transient)
    other = clone(app.bare, app.folder / "other")
    tip = commit(other, {"a": "1"})
    assert app.heads.heads(str(other), None) == {"refs/heads/main": tip}
    app.server.hang = False


@pytest.mark.program("sshd")
def test_over_ssh_with_a_key_of_its_own(app, tmp_path):
    with SshServer(tmp_path / "sshd") as sshd:
        app.secrets.values["key"] = sshd.key
        login = GitLogin(ssh_key_secret="key", known_hosts=sshd.known_hosts)
        old, new = app.push({"a": "1"}), app.push({"a": "2", "b": "1"})
        url = sshd.url(app.bare)
        assert app.heads.heads(url, login) == {"refs/heads/main": new}
        assert app.heads.changed_paths(url, login, old, new) == ("a", "b")
        unknown = GitLogin(ssh_key_secret="key")
        assert "the trigger's known_hosts" in failure(lambda: app.heads.heads(url, unknown)).advice
