"""Plans for people, machines, pull requests and annotations: one wording, four shapes."""

from __future__ import annotations

import dataclasses
import json

from support.plan_cases import make_container, make_workload, plan

from agent.core.plan_report import render_plans, summary
from agent.core.planning.absent import plan_invalid

WEB = make_workload("web")
DEPLOY = plan(WEB)
REST = plan(make_workload("db"), (make_container(make_workload("db")),))
BROKEN = plan_invalid("shop", "12345678", ())


def test_text_is_the_plans_own_and_a_closing_line():
    text = render_plans((DEPLOY, REST), "text")
    assert text == f"{DEPLOY.text}\n{REST.text}\n1 of 2 workloads change, {len(DEPLOY.steps)} steps."


def test_nothing_to_do_is_said_in_as_many_words():
    assert summary((REST, REST)) == "Nothing to do for 2 workloads."
    assert summary(()) == "Nothing to do for 0 workloads."


def test_json_holds_each_step_with_its_cause():
    deploy, rest = json.loads(render_plans((DEPLOY, REST), "json"))
    assert (deploy["workload"], deploy["id"], deploy["reason"]) == ("web", WEB.id, "Deploying")
    assert deploy["steps"][0] == {"action": "pull image shop/web:1.0", "cause": "first deploy of shop/web:1.0"}
    assert len(deploy["steps"]) == len(DEPLOY.steps)
    assert (rest["phase"], rest["steps"]) == ("Synced", [])


def test_markdown_numbers_the_steps_and_folds_what_rests():
    lines = render_plans((DEPLOY, REST), "markdown").splitlines()
    assert lines[0] == f"**{summary((DEPLOY, REST))}**"
    assert "### web" in lines
    assert f"1. {DEPLOY.steps[0].text}" in lines
    assert lines.index("<details><summary>Unchanged</summary>") < lines.index(f"- db: {REST.reason}, {REST.message}")
    assert lines[-1] == "</details>"


def test_markdown_folds_nothing_where_everything_changes():
    assert "<details>" not in render_plans((DEPLOY,), "markdown")


def test_annotations_tell_changes_and_errors_and_keep_each_on_one_line():
    lines = render_plans((DEPLOY, REST, BROKEN), "github").splitlines()
    assert [line.partition("::")[2].partition("::")[0] for line in lines] == [
        "notice title=web",
        "error title=shop",
        "notice title=Plan",
    ]
    assert "%0A" in lines[0]


def test_an_annotation_escapes_what_would_end_it():
    odd = dataclasses.replace(DEPLOY, message="100 % sure\r\n::error::forged")
    (line, _) = render_plans((odd,), "github").splitlines()
    assert "100 %25 sure%0D%0A::error::forged" in line
