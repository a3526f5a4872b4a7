"""The newest usable commit is in force; whatever goes wrong on the way leaves it so and is told once."""

from __future__ import annotations

import pytest
from support.spine import document

from agent.core.reasons import Reason
from agent.errors import Transient
from agent.ports import Fetched

BROKEN = "kind: Workload\nname: shop\nsource: {kind: image, image: app, replicas: many}\n"
GONE = Transient(Reason.REPOSITORY_UNREACHABLE, "no route to git.example.com")


@pytest.fixture
def follower(spine):
    return spine.follower


def commit(spine, files, message="Change"):
    return spine.repository.commit({f"workloads/{name}.yaml": text for name, text in files.items()}, message)


def test_before_the_first_commit_nothing_is_in_force(spine, follower):
    assert follower.state.desired is None
    assert not follower.follow()
    assert spine.board.status().conditions == {"documents": "BranchMissing: the branch has no commit at the remote"}
    assert spine.reasons() == ["BranchMissing"]


def test_why_the_branch_is_missing_is_told_once_in_the_mirrors_words(spine, monkeypatch):
    gone = Fetched(revision=None, changed=True, notes=(("BranchMissing", "branch nope of config.git does not exist"),))
    answers = iter([gone, Fetched(revision=None, changed=False), Fetched(revision=None, changed=False)])
    monkeypatch.setattr(spine.repository, "fetch", lambda: next(answers))
    for _ in range(3):
        spine.follower.follow()
    assert spine.reasons() == ["BranchMissing"]
    assert "branch nope of config.git" in spine.board.status().conditions["documents"]


def test_a_commit_is_taken_once(spine, follower):
    revision = commit(spine, {"shop": document("shop")}, "Add shop\n\nwith words")
    assert follower.follow()
    assert not follower.follow()
    assert follower.state.desired.revision == revision
    assert follower.state.generation == 1
    assert list(follower.state.by_id.values()) == list(follower.state.desired.workloads.values())
    assert follower.state.messages == ("Add shop\n\nwith words",)
    assert spine.board.status().revision == revision
    [event] = spine.journal.recent_events(10)
    assert event.message == f"following {revision[:12]} (Add shop): 1 workloads, 0 problems"
    assert event.revision == revision
    assert follower.fetches == {"ok": 2, "failed": 0}


def test_an_agent_that_starts_while_the_remote_is_away_goes_on_with_what_its_mirror_has(spine, follower):
    revision = commit(spine, {"shop": document("shop")})
    spine.repository.mirrored = revision
    spine.repository.away = GONE
    assert follower.follow()
    assert follower.state.desired.revision == revision
    assert spine.board.status().conditions == {"repository": "RepositoryUnreachable: no route to git.example.com"}
    assert not follower.follow()
    spine.repository.away = None
    assert not follower.follow()
    assert spine.board.conditions == ()


def test_without_a_mirror_it_waits_for_the_remote(spine, follower):
    commit(spine, {"shop": document("shop")})
    spine.repository.away = GONE
    assert not follower.follow()
    assert follower.state.desired is None
    spine.repository.away = None
    assert follower.follow()


def test_a_failed_fetch_leaves_the_state_is_told_once_and_its_end_as_well(spine, follower):
    commit(spine, {"shop": document("shop")})
    follower.follow()
    before = follower.state
    spine.repository.away = GONE
    assert not follower.follow()
    assert not follower.follow()
    assert follower.state is before
    assert spine.board.status().conditions == {"repository": "RepositoryUnreachable: no route to git.example.com"}
    assert follower.fetches == {"ok": 1, "failed": 2}
    spine.repository.away = None
    assert not follower.follow()
    assert spine.board.conditions == ()
    assert spine.reasons() == ["RevisionSeen", "RepositoryUnreachable", "RepositoryRecovered"]


def test_a_different_failure_is_told_as_well(spine, follower):
    spine.repository.away = GONE
    follower.follow()
    spine.repository.away = Transient(Reason.REPOSITORY_UNAUTHORIZED, "401")
    follower.follow()
    assert spine.reasons() == ["RepositoryUnreachable", "RepositoryUnauthorized"]


def test_a_commit_in_which_nothing_can_be_read_changes_nothing(spine, follower):
    good = commit(spine, {"shop": document("shop")})
    follower.follow()
    before = follower.state
    spine.repository.commit({"settings.yaml": "kind: Settings\nno_such: 1\n"}, "Break")
    assert not follower.follow()
    assert not follower.follow()
    assert follower.state is before
    status = spine.board.status()
    assert status.revision == good, "the revision acted upon is the last usable one"
    assert status.problems
    assert status.conditions["documents"].startswith("NothingReadable: commit ")
    assert spine.reasons().count("NothingReadable") == 1


def test_the_way_out_of_an_unreadable_commit_is_the_next_commit(spine, follower):
    commit(spine, {"shop": document("shop")})
    follower.follow()
    spine.repository.commit({"settings.yaml": "kind: Settings\nno_such: 1\n"})
    follower.follow()
    spine.repository.commit({"settings.yaml": None})
    assert follower.follow()
    assert spine.board.conditions == ()
    assert spine.board.status().problems == ()


def test_going_back_to_the_last_good_commit_by_force_lifts_the_condition(spine, follower):
    good = commit(spine, {"shop": document("shop")})
    follower.follow()
    spine.repository.commit({"settings.yaml": "kind: Settings\nno_such: 1\n"})
    follower.follow()
    spine.repository.head = good
    assert follower.follow()
    assert spine.board.conditions == ()


def test_a_branch_that_goes_and_comes_back_leaves_no_condition_behind(spine, follower):
    good = commit(spine, {"shop": document("shop")})
    follower.follow()
    before = follower.state.desired
    spine.repository.head = None
    assert not follower.follow()
    assert follower.state.desired is before
    assert "documents" in spine.board.conditions
    spine.repository.head = good
    follower.follow()
    assert spine.board.conditions == ()
    assert follower.state.desired.revision == good


def test_a_branch_that_comes_back_unreadable_says_so(spine, follower):
    commit(spine, {"shop": document("shop")})
    follower.follow()
    bad = spine.repository.commit({"settings.yaml": "kind: Settings\nno_such: 1\n"})
    follower.follow()
    spine.repository.head = None
    follower.follow()
    spine.repository.head = bad
    follower.follow()
    assert spine.board.status().conditions["documents"].startswith("NothingReadable")


def test_what_the_fetch_noticed_becomes_warnings(spine, follower):
    commit(spine, {"shop": document("shop")})
    spine.repository.notes = [("HistoryRewritten", "branch main was rewritten"), ("MirrorRebuilt", "made anew")]
    follower.follow()
    follower.follow()
    assert spine.reasons(severity="warning") == ["HistoryRewritten", "MirrorRebuilt"]


def test_a_problem_is_told_when_it_comes_and_not_again_while_it_stays(spine, follower):
    commit(spine, {"shop": BROKEN})
    assert follower.follow()
    commit(spine, {"db": document("db")})
    assert follower.follow()
    assert spine.reasons("shop") == ["DocumentProblem"]
    [event] = spine.journal.recent_events(10, "shop")
    assert event.severity == "error"
    assert event.message.startswith("workloads/shop.yaml:3:")
    commit(spine, {"shop": document("shop")})
    follower.follow()
    commit(spine, {"shop": BROKEN})
    follower.follow()
    assert spine.reasons("shop") == ["DocumentProblem", "DocumentProblem"], "it went away and came back"


def test_a_problem_that_only_moved_down_the_file_is_not_news(spine, follower):
    commit(spine, {"shop": BROKEN})
    follower.follow()
    commit(spine, {"shop": f"# a comment\n{BROKEN}"})
    follower.follow()
    assert spine.reasons("shop") == ["DocumentProblem"]


def test_a_warning_is_told_as_a_warning(spine, follower):
    more = "windows: [{allow: 'Mon-Fri 08:00-18:00'}]\n"
    commit(spine, {"shop": document("shop", more=more)})
    follower.follow()
    assert spine.reasons(severity="warning") == ["DocumentProblem"]
    assert follower.state.desired.workloads


def test_a_tree_that_cannot_be_read_now_is_read_by_the_next_fetch(spine, follower, monkeypatch):
    commit(spine, {"shop": document("shop")})
    real = spine.repository.tree
    monkeypatch.setattr(spine.repository, "tree", lambda revision=None: (_ for _ in ()).throw(GONE))
    assert not follower.follow()
    assert "repository" in spine.board.conditions
    monkeypatch.setattr(spine.repository, "tree", real)
    assert follower.follow()
    assert spine.board.conditions == ()
