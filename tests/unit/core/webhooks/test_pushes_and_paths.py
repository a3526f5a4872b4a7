"""Refs, commits and changed paths: what is known, and what only seems to be."""

from __future__ import annotations

import pytest

from agent.core.webhooks.git import Place, changed_paths, commit_of, full_ref, is_zero, moved

TIP, OLD = "a1" * 20, "b2" * 20
HERE = Place("acme/shop", None)


def commit(commit_id=TIP, **lists):
    return {"id": commit_id, **lists}


@pytest.mark.parametrize(
    ("commits", "total", "paths"),
    [
        ([commit(added=["b"], removed=["a"], modified=["b"])], None, ("a", "b")),
        ([commit(OLD, added=["z"]), commit(added=["a"])], 2, ("a", "z")),
        ([commit(added=["a"])], 1, ("a",)),
        ([commit(added=["a"])], "3", ("a",)),
        ([commit(added=["a"])], 2, None),
        ([commit(OLD, added=["a"])], None, None),
        ([commit(added=[], removed=[], modified=[])], None, None),
        ([commit()], None, None),
        ([commit(added=None, removed=None, modified=None)], None, None),
        ([commit(added=["a"]), commit(OLD)], None, None),
        ([commit(added="a")], None, None),
        ([commit(added=["a", 1])], None, None),
        ([commit(added=["a\nb"])], None, None),
        ([], None, None),
        (None, None, None),
        ("commits", None, None),
        ([7], None, None),
    ],
)
def test_paths_are_known_only_from_a_whole_list(commits, total, paths):
    assert changed_paths(commits, TIP, total) == paths


def test_without_a_tip_no_list_is_whole():
    assert changed_paths([{"added": ["a"]}], None) is None


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (TIP, TIP),
        (TIP.upper(), TIP),
        ("c3" * 32, "c3" * 32),
        ("0" * 40, None),
        ("0" * 64, None),
        ("a1", None),
        (f"{TIP} ", None),
        (None, None),
        (7, None),
    ],
)
def test_a_commit_is_a_whole_hash(value, found):
    assert commit_of(value) == found


@pytest.mark.parametrize(
    ("value", "zero"), [("0" * 40, True), ("0" * 64, True), ("0" * 7, False), ("", False), (0, False)]
)
def test_zeros_of_both_lengths_stand_for_nothing(value, zero):
    assert is_zero(value) is zero


def test_a_ref_is_a_branch_or_a_tag_or_no_news():
    branch = moved(HERE, "refs/heads/feature/x", TIP, ("a",))
    assert (branch.type, branch.branch, branch.tag, branch.changed_paths) == ("git_push", "feature/x", None, ("a",))
    tag = moved(HERE, "refs/tags/v1", TIP)
    assert (tag.type, tag.branch, tag.tag, tag.repo) == ("tag_push", None, "v1", "acme/shop")
    for ref in ("refs/heads/", "refs/pull/1/head", "main"):
        assert "neither a branch nor a tag" in moved(HERE, ref, TIP)


def test_a_short_name_is_made_a_full_ref():
    assert full_ref("v1", "refs/tags/") == "refs/tags/v1"
    assert full_ref("refs/heads/main", "refs/tags/") == "refs/heads/main"
