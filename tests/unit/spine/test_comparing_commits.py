"""Two commits compared without any engine: the plans say what a host at the one would do to reach the other."""

from __future__ import annotations

import json

import pytest
from support.documents import desired
from support.spine import document

from agent.core.actions import PullImage
from agent.core.observed import Role
from agent.core.plan import Plan, Step
from agent.core.plan_report import FORMATS, render_plans
from agent.core.reasons import Phase, Reason
from agent.core.simulation import compare, settled
from agent.discovery import discover_kinds
from agent.loading import EVERYTHING

KINDS = discover_kinds()


def state(**texts: str):
    files = {f"workloads/{name}.yaml": text for name, text in texts.items()}
    return desired(files, kinds=KINDS, policy=EVERYTHING)


def plans(before, after) -> dict[str, Plan]:
    return {plan.workload: plan for plan in compare(before, after, KINDS)}


def steps(plan: Plan) -> list[str]:
    return [step.action.text for step in plan.steps]


def test_nothing_changes_between_a_commit_and_itself():
    one = state(shop=document("shop"), db=document("db"))
    found = plans(one, one)
    assert list(found) == ["db", "shop"]
    assert [plan.steps for plan in found.values()] == [(), ()]
    assert found["shop"].reason is Reason.CONVERGED


def test_a_new_workload_is_deployed_and_a_removed_one_removed():
    found = plans(state(old=document("old")), state(new=document("new")))
    assert steps(found["new"])[0] == "pull image app:1"
    assert found["new"].reason is Reason.DEPLOYING
    assert found["old"].reason is Reason.REMOVING
    assert steps(found["old"])[-1].startswith("remove container old.")


def test_a_changed_image_replaces_what_runs():
    found = plans(state(shop=document("shop")), state(shop=document("shop", tag="2")))
    assert "image changed app:1 → app:2" in found["shop"].message
    assert any(text.startswith("stop container shop.") for text in steps(found["shop"]))
    assert any(text.startswith("rename container shop.") for text in steps(found["shop"]))


def test_the_order_of_keys_and_comments_change_nothing():
    one = "kind: Workload\nname: shop\nsource: {kind: image, image: app, tag: '1'}\nenv: {A: '1', B: '2'}\n"
    source = "source:\n  tag: '1'\n  image: app\n  kind: image\n"
    two = f"# words\nname: shop\nenv:\n  B: '2'\n  A: '1'\n{source}kind: Workload\n"
    assert plans(state(shop=one), state(shop=two))["shop"].steps == ()


def test_a_workload_that_said_prune_false_is_left_alone():
    found = plans(state(old=document("old", more="prune: false\n")), state(new=document("new")))
    assert found["old"].reason is Reason.PRUNE_DISABLED
    assert found["old"].steps == ()


def test_a_workload_whose_document_broke_is_not_said_to_be_removed():
    before = state(shop=document("shop"), db=document("db"))
    after = state(shop=document("shop", more="no_such: 1\n"), db=document("db"))
    assert list(plans(before, after)) == ["db"]


def test_a_workload_with_an_id_of_its_own_whose_document_broke_is_not_said_to_be_removed():
    """Where the id cannot be read any more, the name protects what runs, as it does on a host."""
    before = state(shop=document("shop", more="id: 3f9a2c71\n"), db=document("db"))
    after = state(shop=document("shop", more="id: [3]\n"), db=document("db"))
    assert "3f9a2c71" not in after.protected
    assert list(plans(before, after)) == ["db"]


def test_a_workload_that_never_ran_and_goes_has_no_plan():
    before = state(shop=document("shop", more="suspend: true\n"), db=document("db"))
    assert list(plans(before, state(db=document("db")))) == ["db"]


def test_a_renamed_workload_with_the_same_id_is_one_plan():
    before = state(old=document("old", more="id: 3f9a2c71\n"))
    after = state(new=document("new", more="id: 3f9a2c71\n"))
    found = plans(before, after)
    assert list(found) == ["new"]
    assert "renamed from old" in found["new"].message


def test_secrets_are_taken_to_exist_and_to_stay_as_they_are():
    one = state(shop=document("shop", more="env: {KEY: {secret: key}}\n"))
    assert plans(one, one)["shop"].reason is Reason.CONVERGED


def test_a_first_deploy_leaves_its_containers_active_at_rest():
    [first] = compare(state(), state(shop=document("shop")), KINDS)
    [container] = settled(first)
    assert (container.role, container.state, container.workload, container.image) == (
        Role.ACTIVE,
        "running",
        "shop",
        "app:1",
    )
    assert container.name.startswith("shop.")
    assert not container.name.endswith(".candidate")
    assert container.fingerprint == first.target


# How plans are printed

PULL = Step(PullImage("app:1", None, None, always=False), "100% missing")


def plan(**changes: object) -> Plan:
    given = {
        "workload": "shop",
        "workload_id": "a1",
        "phase": Phase.PROGRESSING,
        "reason": Reason.DEPLOYING,
        "message": "first deploy of app:1",
        "steps": (PULL,),
    }
    return Plan(**(given | changes))


RESTING = plan(workload="db", phase=Phase.SYNCED, reason=Reason.CONVERGED, message="1 container runs as said", steps=())
FAILED = plan(workload="api", phase=Phase.FAILED, reason=Reason.SECRET_MISSING, message="no key", steps=())


def test_as_text_each_plan_and_a_last_line():
    assert render_plans([plan(), RESTING], "text").splitlines() == [
        "shop: Deploying, first deploy of app:1",
        "  1. pull image app:1 (100% missing)",
        "db: Converged, 1 container runs as said",
        "1 of 2 workloads change, 1 steps.",
    ]


def test_as_text_when_nothing_is_to_do():
    assert render_plans([RESTING], "text").splitlines()[-1] == "Nothing to do for 1 workloads."
    assert render_plans([], "text") == "Nothing to do for 0 workloads."


def test_as_json_for_machines():
    assert json.loads(render_plans([plan()], "json")) == [
        {
            "workload": "shop",
            "id": "a1",
            "phase": "Progressing",
            "reason": "Deploying",
            "message": "first deploy of app:1",
            "steps": [{"action": "pull image app:1", "cause": "100% missing"}],
        }
    ]


def test_as_markdown_what_rests_is_folded_away():
    shown = render_plans([plan(), RESTING], "markdown")
    assert shown.startswith(
        "**1 of 2 workloads change, 1 steps.**\n\n### shop\n\nfirst deploy of app:1\n\n1. pull image"
    )
    assert "### db" not in shown
    assert "<details><summary>Unchanged</summary>\n\n- db: Converged, 1 container runs as said\n\n</details>" in shown
    assert "<details>" not in render_plans([plan()], "markdown")


def test_as_annotations_what_rests_is_left_out_and_what_fails_is_an_error():
    shown = render_plans([plan(), RESTING, FAILED], "github").splitlines()
    assert shown == [
        "::notice title=shop::shop: Deploying, first deploy of app:1%0A  1. pull image app:1 (100%25 missing)",
        "::error title=api::api: SecretMissing, no key",
        "::notice title=Plan::1 of 3 workloads change, 1 steps.",
    ]


@pytest.mark.parametrize("output", FORMATS)
def test_every_format_names_what_changes_and_ends_without_a_newline(output):
    shown = render_plans([plan(), RESTING], output)
    assert "pull image app:1" in shown
    assert not shown.endswith("\n")
