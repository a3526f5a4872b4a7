"""Triggers and bindings of whole repositories: what is in force on a host, and what a mistake holds up."""

from __future__ import annotations

import json

import pytest
from support.documents import Repo, context, desired, reader, workload

from agent.core.desired import build_desired_state
from agent.core.documents import DocumentLoader
from agent.core.model import Trigger
from agent.core.policy import HostPolicy
from agent.core.problems import Severity
from agent.core.validation.signals import NO_RULES, TriggerRules, secret_places
from agent.discovery import discover_trigger_kinds, discover_vendors
from agent.loading import context_for

HOOK = "kind: Trigger\nname: hook\nsignal: {kind: webhook, secret: {secret: s}, tag_pattern: '^1'}\n"


def web(*bindings: dict, name: str = "web", more: str = "") -> str:
    return workload(name, f"triggers: {json.dumps(list(bindings))}\n{more}")


def state(*workloads: str, trigger: str = HOOK, **changes):
    files = {f"workloads/{number}.yaml": text for number, text in enumerate(workloads)}
    return desired({"triggers/hook.yaml": trigger} | files, **changes)


def test_one_trigger_serves_many_bindings_each_with_its_own_fields():
    found = state(
        web({"trigger": "hook", "with": {"tag_pattern": "^2", "repo": "a/b"}, "order": 5}, name="b"),
        web({"trigger": "hook", "action": "restart", "enabled": False}, name="a"),
    )
    assert found.problems == ()
    first, second = found.bindings["hook"]
    assert (first.workload, first.action, first.enabled) == ("a", "restart", False)
    assert first.config == {"kind": "webhook", "secret": {"secret": "s"}, "tag_pattern": "^1"}
    assert (second.workload, second.order) == ("b", 5)
    assert second.config == first.config | {"tag_pattern": "^2", "repo": "a/b"}
    assert found.triggers["hook"].config == first.config


def test_an_inline_trigger_is_named_by_its_workload_and_its_place():
    found = state(web({"trigger": "hook"}, {"kind": "manual"}, {"kind": "schedule", "cron": "@daily", "order": 3}))
    assert list(found.triggers) == ["hook", "web.2", "web.3"]
    inline = found.triggers["web.3"]
    assert (inline.kind, inline.workload, inline.config) == (
        "schedule",
        "web",
        {"kind": "schedule", "cron": "@daily"},
    )
    (bound,) = found.bindings["web.3"]
    assert (bound.number, bound.order, bound.config) == (2, 3, inline.config)


def test_a_trigger_that_nobody_is_bound_to_is_there_all_the_same():
    found = state()
    assert (list(found.triggers), found.bindings, found.problems) == (["hook"], {}, ())


def test_bindings_are_in_force_on_the_hosts_of_their_workload_only():
    documents = (
        web({"trigger": "hook"}, {"kind": "manual"}, more="hosts: [other]\n"),
        web({"trigger": "hook"}, name="here"),
    )
    found = state(*documents)
    assert [one.workload for one in found.bindings["hook"]] == ["here"]
    assert list(found.triggers) == ["hook"]
    there = state(*documents, host="other")
    assert [one.workload for one in there.bindings["hook"]] == ["here", "web"]
    assert list(there.triggers) == ["hook", "web.2"]


def test_a_binding_of_another_host_is_checked_here_too():
    found = state(web({"trigger": "none"}, more="hosts: [other]\n"))
    assert [(one.code, one.pointer) for one in found.problems] == [("UnknownTrigger", "/triggers/0/trigger")]


@pytest.mark.parametrize(
    "broken",
    [
        "kind: Trigger\nname: hook\nsignal: {kind: webhook}\n",
        "kind: Trigger\nname: hook\nsignal: {kind: schedule, cron: never}\n",
        f"{HOOK}---\n{HOOK}",
        "a: [\n---\n" + HOOK,
        f"{HOOK}x-a: [\n",
    ],
)
def test_a_trigger_that_cannot_be_used_is_told_once_and_leaves_its_workloads_alone(broken):
    found = state(web({"trigger": "hook"}, {"kind": "manual"}), trigger=broken)
    assert {one.position.path for one in found.problems} == {"triggers/hook.yaml"}
    assert list(found.workloads) == ["web"]
    assert list(found.bindings) == ["web.2"]


@pytest.mark.parametrize(
    "binding",
    [
        {"trigger": "hok"},
        {"trigger": "hook", "with": {"tag_pattern": "("}},
        {"trigger": "hook", "with": {"corn": 1}},
        {"kind": "schedule", "cron": "never"},
    ],
)
def test_a_binding_that_cannot_work_keeps_its_workload_as_it_is(binding):
    found = state(web(binding, {"kind": "manual"}), web({"trigger": "hook"}, name="other"))
    assert [one.severity for one in found.problems] == [Severity.ERROR]
    assert list(found.workloads) == ["other"]
    assert list(found.invalid.values()) == ["web"]
    assert (list(found.triggers), [one.workload for one in found.bindings["hook"]]) == (["hook"], ["other"])


def test_a_trigger_that_is_nearly_meant_is_suggested():
    (problem,) = state(web({"trigger": "hok"})).problems
    assert problem.fix == "did you mean `hook`?"
    (problem,) = state(web({"trigger": "nightly"})).problems
    assert problem.fix == "add triggers/nightly.yaml, or write the trigger inline"


def test_what_a_trigger_is_warned_of_is_not_told_of_each_binding():
    trigger = "kind: Trigger\nname: hook\nsignal: {kind: log_scan, pattern: a}\n"
    found = state(web({"trigger": "hook", "with": {"pattern": "b"}}), trigger=trigger)
    assert [(one.pointer, one.position.path) for one in found.problems] == [("/signal/kind", "triggers/hook.yaml")]


def test_an_override_that_says_the_same_is_no_mistake():
    same = {"kind": "webhook", "auth": "signature", "secret": {"secret": "s"}}
    assert state(web({"trigger": "hook", "with": same})).problems == ()


def test_overrides_that_no_schema_accepts_are_asked_nothing():
    trigger = "kind: Trigger\nname: hook\nsignal: {kind: registry, image: a, policy: newest}\n"
    found = state(web({"trigger": "hook", "with": {"registry": "own", "interval": "soon"}}), trigger=trigger)
    assert [(one.code, one.pointer) for one in found.problems] == [("InvalidValue", "/triggers/0/with/interval")]


@pytest.mark.parametrize(
    ("signal", "overrides"),
    [
        ("{kind: git}", {"interval": "5m", "repo": "https://git.example.com/a.git"}),
        ("{kind: registry, image: a, policy: newest}", {"image": "b", "interval": "5m"}),
    ],
)
def test_what_is_watched_for_each_binding_may_be_overridden(signal, overrides):
    trigger = f"kind: Trigger\nname: hook\nsignal: {signal}\n"
    assert state(web({"trigger": "hook", "with": overrides}), trigger=trigger).problems == ()


def test_two_bindings_to_one_trigger_are_two():
    found = state(web({"trigger": "hook"}, {"trigger": "hook", "action": "restart"}))
    assert found.problems == ()
    assert [(one.number, one.action) for one in found.bindings["hook"]] == [(0, "deploy"), (1, "restart")]


def test_there_are_no_triggers_for_all_workloads():
    settings = "kind: Settings\nname: s\ndefaults:\n  prune: false\n  triggers: [{kind: manual}]\n"
    found = desired({"settings.yaml": settings, "workloads/web.yaml": workload("web")})
    (problem,) = found.problems
    assert (problem.code, problem.pointer) == ("UnknownField", "/defaults/triggers")
    assert (problem.position.path, problem.position.line, problem.position.column) == ("settings.yaml", 5, 3)
    assert not found.readable


def test_a_trigger_document_alone_is_something_to_read():
    found = desired({"triggers/hook.yaml": HOOK})
    assert (found.readable, found.complete, list(found.triggers)) == (True, True, ["hook"])


@pytest.mark.parametrize("known", [{"s"}, set()])
def test_secrets_of_triggers_are_looked_for_where_they_are_needed(known):
    documents = (
        web({"kind": "webhook", "secret": {"secret": "s"}, "previous_secret": {"secret": "old"}}),
        web({"kind": "manual", "secret": {"secret": "far"}}, name="far", more="hosts: [other]\n"),
    )
    found = state(*documents, has_secret=known.__contains__)
    assert {one.severity for one in found.problems} == {Severity.WARNING}
    told = {(one.position.path, one.pointer) for one in found.problems}
    everywhere = {("workloads/0.yaml", "/triggers/0/previous_secret")}
    missing = {("triggers/hook.yaml", "/signal/secret"), ("workloads/0.yaml", "/triggers/0/secret")}
    assert told == everywhere | (set() if known else missing)
    assert "the trigger does not fire" in found.problems[0].fix


def test_a_secret_whose_place_cannot_be_told_is_one_of_the_whole():
    config = {"kind": "own", "login": {"secret": "a"}, "more": {"deep": {"secret": "b"}}, "odd": {"secret": ["c"]}}
    assert list(secret_places(config, {"a", "b", "c"})) == [("/login", "a"), ("", "b"), ("", "c")]


def test_a_host_that_knows_no_trigger_kinds_says_so():
    found = state(web({"kind": "manual"}), triggers=NO_RULES)
    assert [(one.code, one.pointer) for one in found.problems] == [
        ("UnknownTriggerKind", "/signal/kind"),
        ("UnknownTriggerKind", "/triggers/0/kind"),
    ]


def test_every_vendor_that_signs_may_be_asked_for_signatures():
    vendors = discover_vendors()
    rules = TriggerRules(kinds=discover_trigger_kinds(), check_schema=lambda _: (), vendors=lambda: vendors)
    refused = set()
    for name in ("auto", *vendors):
        config = {"kind": "webhook", "vendor": name, "secret": {"secret": "s"}}
        refused |= {name for one in rules.findings(config) if one.code == "NotAvailable"}
        assert not list(rules.findings(config | {"auth": "token"}))
    unsigned = {"dockerhub", "quay", "acr", "ecr", "gar", "harbor", "azure-devops", "distribution"}
    assert refused == unsigned
    assert {name for name, vendor in vendors.items() if vendor.signs} == set(vendors) - unsigned


def test_bindings_are_joined_again_only_when_something_they_need_has_changed():
    asked = []

    class Counting:
        name = "manual"

        def check(self, config):
            asked.append(config)
            return ()

        def secret_names(self, config):
            return frozenset()

        def watches(self, config):
            return ()

    rules = TriggerRules(kinds={"manual": Counting()}, check_schema=lambda _: ())
    repo = Repo({"triggers/a.yaml": "kind: Trigger\nname: a\nsignal: {kind: manual}\n"})
    repo.put("workloads/web.yaml", web({"trigger": "a"}, {"kind": "manual", "x-inline": 1}))
    one = reader(triggers=rules)

    def read():
        asked.clear()
        found = one.read(repo.tree(), repo.read_blob)
        return found, len(asked)

    assert read()[1] == 2
    assert read()[1] == 0
    repo.put("workloads/other.yaml", workload("other"))
    assert read()[1] == 0
    repo.put("triggers/a.yaml", "kind: Trigger\nname: a\nsignal: {kind: manual, x-new: 1}\n")
    found, count = read()
    assert count == 2
    assert found.bindings["a"][0].config == {"kind": "manual", "x-new": 1}
    repo.remove("triggers/a.yaml")
    assert [problem.code for problem in read()[0].problems] == ["UnknownTrigger"]
    repo.put("triggers/b.yaml", "kind: Trigger\nname: aa\nsignal: {kind: manual}\n")
    assert [problem.fix for problem in read()[0].problems] == ["did you mean `aa`?"]


def test_a_trigger_of_the_model_is_what_its_document_says():
    trigger = state(trigger=f"{HOOK}description: What CI pushes\nlabels: {{a: b}}\n").triggers["hook"]
    assert isinstance(trigger, Trigger)
    assert (trigger.description, trigger.workload, trigger.kind) == ("What CI pushes", None, "webhook")
    assert (trigger.position.path, trigger.position.line) == ("triggers/hook.yaml", 1)


def test_one_off_containers_are_described_by_their_binding():
    run = {"command": "report --all", "timeout": "10m", "overlap": True, "keep": 3}
    found = state(web({"kind": "manual", "action": "run", "run": run}, {"kind": "manual", "run": {}, "action": "run"}))
    first, second = (one.run for one in found.workloads["web"].triggers)
    assert (first.command, first.timeout, first.overlap, first.keep) == (("report", "--all"), 600.0, True, 3)
    assert (second.command, second.timeout, second.overlap, second.keep) == (None, 3600.0, False, 20)


def test_the_context_of_a_host_knows_every_kind_and_vendor():
    rules = context_for("edge-1", HostPolicy()).triggers
    assert set(rules.kinds) == set(discover_trigger_kinds())
    assert set(rules.vendors()) == set(discover_vendors())


def test_a_state_can_be_built_without_a_reader():
    repo = Repo({"triggers/hook.yaml": HOOK, "workloads/web.yaml": web({"trigger": "hook"})})
    one = reader()
    loader: DocumentLoader = one._loader
    found = build_desired_state(loader.load(repo.tree(), repo.read_blob), context())
    assert list(found.bindings) == ["hook"]
