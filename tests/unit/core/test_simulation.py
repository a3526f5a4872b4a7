"""Two commits compared where no engine is asked."""

from __future__ import annotations

from support.plan_cases import make_workload

from agent.core.model import DesiredState, Settings
from agent.core.reasons import Phase, Reason
from agent.core.simulation import compare
from agent.sources.image import KIND

KINDS = {"image": KIND}


def state(*workloads, **fields) -> DesiredState:
    return DesiredState(
        revision="c0ffee", workloads={one.name: one for one in workloads}, settings=Settings(), **fields
    )


def test_the_same_twice_plans_nothing():
    before = state(
        make_workload("web", source={"replicas": 3, "networks": ["front", "back"]}),
        make_workload("docs", source={"tag": None, "tags": ["2.0", "1.0"]}),
        make_workload("db", env={"PASSWORD": {"secret": "db"}}, publish=["5432:5432"]),
    )
    plans = compare(before, before, KINDS)
    assert [plan.workload for plan in plans] == ["db", "docs", "web"]
    assert all(plan.empty and plan.reason is Reason.CONVERGED for plan in plans)


def test_only_what_a_commit_changes_has_steps():
    before = state(make_workload("web"), make_workload("db"))
    after = state(make_workload("web", source={"tag": "2.0"}), make_workload("db"))
    db, web = compare(before, after, KINDS)
    assert db.empty
    assert web.reason is Reason.DEPLOYING
    assert "shop/web:2.0" in web.text


def test_a_workload_that_joins_anothers_network_finds_it_there():
    joined = make_workload("vpn", source={"networks": ["workload:web"]})
    (vpn, _) = compare(state(), state(joined, make_workload("web")), KINDS)
    assert vpn.reason is Reason.DEPLOYING
    again = compare(state(joined, make_workload("web")), state(joined, make_workload("web")), KINDS)
    assert all(plan.empty for plan in again)


def test_a_new_workload_is_a_first_deploy_and_a_removed_one_is_removed():
    old, new = make_workload("old"), make_workload("new")
    first, second = compare(state(old), state(new), KINDS)
    assert (first.workload, first.reason) == ("new", Reason.DEPLOYING)
    assert (second.workload, second.reason) == ("old", Reason.REMOVING)


def test_prune_false_and_an_unreadable_document_keep_what_is_gone():
    kept = make_workload("old", prune=False)
    (plan,) = compare(state(kept), state(), KINDS)
    assert plan.reason is Reason.PRUNE_DISABLED
    (plan,) = compare(state(make_workload("old")), state(complete=False), KINDS)
    assert plan.reason is Reason.PRUNE_WITHHELD


def test_a_protected_workload_is_not_spoken_of():
    old = make_workload("old")
    assert compare(state(old), state(protected=frozenset({old.id})), KINDS) == ()


def test_a_suspended_workload_that_never_ran_is_left_alone():
    (plan,) = compare(state(), state(make_workload("web", suspend=True)), KINDS)
    assert (plan.phase, plan.empty) == (Phase.SUSPENDED, True)
