"""Heads and changed paths of a repository on this machine, and the cache that others are compared in."""

from __future__ import annotations

import os

import pygit2
import pytest
from support.git_server import commit, git
from support.writeback import PlainSecrets, settings_for

from agent.errors import Transient
from agent.ports import GitLogin
from agent.repository.comparing import MOST_PATHS
from agent.repository.git_cache import GitCache
from agent.repository.opening import open_heads
from agent.repository.urls import same_repository


@pytest.fixture
def work(tmp_path):
    folder = tmp_path / "app"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    return folder


@pytest.fixture
def heads(tmp_path):
    return open_heads(settings_for(tmp_path, "https://git.example.com/config.git"), PlainSecrets())


def test_branches_and_tags_are_told_by_their_commits(work, heads):
    assert heads.heads(str(work), None) == {}
    first = commit(work, {"a": "1"})
    git(work, "tag", "light")
    git(work, "tag", "--annotate", "--message", "m", "v1")
    second = commit(work, {"a": "2"})
    git(work, "branch", "release/1", first)
    git(work, "update-ref", "refs/notes/x", first)
    assert heads.heads(work.as_uri(), None) == {
        "refs/heads/main": second,
        "refs/heads/release/1": first,
        "refs/tags/light": first,
        "refs/tags/v1": first,
    }


def test_changed_paths_are_those_that_differ(work, heads):
    text = "a long enough text to be found again"
    old = commit(work, {"web/a": "1", "web/gone": "x", "same": "s", "moved": text})
    new = commit(
        work,
        {"web/a": "2", "web/gone": None, "ä/ö.txt": "n", "moved": None, "to": text},
    )
    found = heads.changed_paths(str(work), None, old, new)
    assert found == ("moved", "to", "web/a", "web/gone", "ä/ö.txt")
    assert heads.changed_paths(str(work), None, new, old) == found
    assert heads.changed_paths(str(work), None, new, new) == ()


def test_a_rewritten_history_is_compared_by_what_is_in_it(work, heads):
    old = commit(work, {"a": "1", "b": "1"})
    git(work, "checkout", "--quiet", "--orphan", "other")
    new = commit(work, {"a": "2"})
    assert heads.changed_paths(str(work), None, old, new) == ("a",)


@pytest.mark.parametrize("old", ["1" * 40, "", "main", "-" * 40])
def test_a_commit_that_is_not_there_leaves_it_open(work, heads, old):
    new = commit(work, {"a": "1"})
    assert heads.changed_paths(str(work), None, old, new) is None


def test_too_many_paths_leave_it_open(work, heads):
    old = commit(work, {"a": "1"})
    repository = pygit2.Repository(str(work))
    builder = repository.TreeBuilder()
    blob = repository.create_blob(b"")
    for number in range(MOST_PATHS + 1):
        builder.insert(f"f{number}", blob, pygit2.enums.FileMode.BLOB)
    who = pygit2.Signature("a", "a@b.c")
    new = repository.create_commit(None, who, who, "many", builder.write(), [])
    assert heads.changed_paths(str(work), None, old, str(new)) is None


def test_a_folder_that_is_no_repository_is_transient(tmp_path, heads):
    with pytest.raises(Transient):
        heads.heads(str(tmp_path / "none"), None)
    with pytest.raises(Transient):
        heads.changed_paths(str(tmp_path / "none"), GitLogin(username="x"), "1" * 40, "2" * 40)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://git.example.com/a/b.git", "https://x:y@Git.Example.com/a/b/", True),
        ("https://git.example.com/a/b", "https://git.example.com/a/B", False),
        ("https://git.example.com/a/b", "http://git.example.com/a/b", False),
        ("https://git.example.com/a/b", "https://git.example.com:8443/a/b", False),
        ("https://git.example.com/a/b", "https://evil.example.com/@git.example.com/a/b", False),
        ("git@git.example.com:a/b.git", "git@git.example.com:a/b", True),
        ("/srv/config", "file:///srv/config", True),
        ("/srv/config", "/srv/other", False),
    ],
)
def test_the_same_repository_is_known_by_its_address(one, other, same):
    assert same_repository(one, other) is same
    assert same_repository(other, one) is same


def test_the_cache_forgets_what_was_used_longest_ago(tmp_path):
    cache = GitCache(tmp_path, most_repositories=2)
    places = [cache.place(name) for name in ("a", "b", "c", "d")]
    for age, place in enumerate(places):
        os.utime(place, (age + 1, age + 1))
    cache.place("a")
    cache.trim(lambda place: place == places[1])
    assert [place.exists() for place in places] == [True, True, False, False]


def test_the_cache_forgets_what_is_too_large(tmp_path):
    cache = GitCache(tmp_path, most_bytes=100_000)
    small, large = cache.place("small"), cache.place("large")
    (large / "objects" / "blob").write_bytes(b"x" * 100_000)
    os.utime(small, (1, 1))
    cache.trim(lambda place: place == small)
    assert (small.exists(), large.exists()) == (True, False)
    cache.trim(lambda _: False)
    assert small.exists()


def test_a_cache_that_was_killed_in_the_middle_is_unlocked(tmp_path):
    lock = GitCache(tmp_path).place("a") / "HEAD.lock"
    lock.touch()
    GitCache(tmp_path)
    assert not lock.exists()
