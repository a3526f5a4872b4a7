"""What servers say when they refuse a push, in their own words, and whether a person must act."""

from __future__ import annotations

import pytest

from agent.core.reasons import Reason
from agent.errors import Stalled, Transient
from agent.repository.refusals import refused


@pytest.mark.parametrize(
    ("said", "advised"),
    [
        ("protected branch hook declined: error: GH006: Protected branch update failed for refs/heads/main.", "bypass"),
        ("push declined due to repository rule violations: error: GH013: Repository rule violations found", "bypass"),
        ("error: GH013: Commits must have verified signatures.", "signed"),
        ("pre-receive hook declined: GitLab: You are not allowed to push code to protected branches", "bypass"),
        ("pre-receive hook declined: Gitea: Not allowed to push to protected branch main", "bypass"),
        ("TF402455: Pushes to this branch are not permitted; you must use a pull request to update it.", "bypass"),
        ("prohibited by Gerrit: not permitted: update", "bypass"),
        ("unexpected http status code: 403", "right to push"),
        ("ERROR: The key you are authenticating with has been marked as read only.", "right to push"),
        ("This repository was archived so it is read-only.", "right to push"),
        ("branch is currently checked out: refusing to update checked out branch", "bare repository"),
    ],
)
def test_what_only_a_person_can_change_is_stalled_with_advice(said, advised):
    error = refused("https://git.example.com/c.git", "main", said)
    assert isinstance(error, Stalled)
    assert error.reason is Reason.UPDATE_REJECTED
    assert said[:40] in error.message
    assert advised in error.advice
    assert "update: {via: none}" in error.advice


@pytest.mark.parametrize(
    "said",
    [
        "pre-receive hook declined: GitLab: Internal API unreachable",
        "pre-receive hook declined: please try again later",
        "failed to update ref",
        "unpacker error: unable to create temporary object directory",
    ],
)
def test_what_may_pass_by_itself_is_tried_again(said):
    error = refused("remote", "main", said)
    assert isinstance(error, Transient)
    assert error.reason is Reason.PUSH_REJECTED


def test_a_remote_that_talks_much_or_in_colours_is_cut_short():
    error = refused("remote", "main", "hook declined: \x1b[31mno\x1b[0m\n" + "x" * 5000)
    assert len(error.message) < 800
    assert "\x1b" not in error.message
    assert "\n" not in error.message
