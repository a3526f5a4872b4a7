"""Between a new commit and the pass that acts upon it, nobody is told that what it changes is in sync."""

from __future__ import annotations

import pytest
from support.spine import Spine, document

from agent.core.reasons import Phase


@pytest.fixture
def resting(spine: Spine) -> Spine:
    """Two workloads in sync, and an image to change to."""
    spine.engine.images |= {"app:1": None, "app:2": None}
    spine.deploy({"shop": document("shop"), "db": document("db")})
    assert {one.name: one.phase for one in spine.board.status().workloads.values()} == {
        "shop": Phase.SYNCED,
        "db": Phase.SYNCED,
    }
    return spine


def phases(spine: Spine) -> dict[str, str]:
    return {name: f"{one.phase} {one.reason}" for name, one in spine.board.status().workloads.items()}


def test_what_a_commit_changes_is_in_progress_from_the_moment_its_revision_is_shown(resting):
    revision = resting.commit({"shop": document("shop", tag="2")})
    assert resting.board.status().revision == revision
    assert phases(resting) == {"shop": "Progressing RevisionSeen", "db": "Synced Converged"}
    resting.drain()
    assert phases(resting)["shop"] == "Synced Converged"


@pytest.mark.parametrize("text", [None, "kind: Workload\nname: shop\nno_such: 1\n"], ids=["removed", "invalid"])
def test_so_is_what_it_takes_away_or_breaks(resting, text):
    resting.commit({"shop": text})
    assert phases(resting)["shop"] == "Progressing RevisionSeen"


def test_so_is_everything_when_the_settings_change(resting):
    resting.repository.commit({"settings.yaml": "kind: Settings\nname: settings\ndefault_network: other\n"})
    resting.commit({})
    assert set(phases(resting).values()) == {"Progressing RevisionSeen"}


def test_what_is_only_written_differently_or_elsewhere_stays_in_sync(resting):
    resting.commit({"shop": None, "moved": "# moved\n" + document("shop")})
    assert phases(resting) == {"shop": "Synced Converged", "db": "Synced Converged"}


def test_a_dependent_of_what_the_same_commit_changes_waits_for_it(resting):
    resting.commit({"db": document("db", tag="2"), "app": document("app", more="depends_on: [db]\n")})
    plan = resting.reconciler.decide(resting.follower.state.desired.workloads["app"].id, 0.0)
    assert str(plan.phase) == "Waiting"
    resting.drain()
    assert phases(resting)["app"] == "Synced Converged"


def test_a_pass_that_a_commit_overtakes_does_not_put_its_old_record_up(resting, monkeypatch):
    decide = resting.reconciler.decide

    def decide_late(workload_id, not_before):
        plan = decide(workload_id, not_before)
        resting.commit({"shop": document("shop", tag="2")})
        return plan

    shop = resting.follower.state.desired.workloads["shop"].id
    with monkeypatch.context() as patched:
        patched.setattr(resting.reconciler, "decide", decide_late)
        resting.reconciler.reconcile(shop, 0.0)
    assert phases(resting)["shop"] == "Progressing RevisionSeen"
    resting.drain()
    assert resting.status("shop").image == "app:2"
