from __future__ import annotations

import json

import pytest
from support.documents import desired, workload

from agent.core.inbound import GIT_PUSH, IMAGE_PUSH, MANUAL, TICK, InboundEvent
from agent.core.matching import Decision, Matcher, with_digest
from agent.core.pins import PinEdit, Version
from agent.core.triggers import Needs, TagList, Verdict
from agent.discovery import discover_kinds, discover_trigger_kinds

A, B = "sha256:" + "a" * 64, "sha256:" + "b" * 64
HOOK = {"kind": "Trigger", "name": "hook", "signal": {"kind": "webhook", "secret": {"secret": "s"}}}


def pushed(tag="1.4.3", image="docker.io/shop/web", **more):
    return InboundEvent(type=IMAGE_PUSH, vendor="generic", image=image, image_tag=tag, **more)


def web(*bindings, name="web", more="", **source):
    fields = {"kind": "image", "image": "shop/web", "tag": "1.4.2"} | source
    given = {"kind": "Workload", "name": name, "source": fields, "triggers": list(bindings)}
    return json.dumps(given)[:-1] + more + "}"


def state_of(*documents):
    files = {f"workloads/{number}.yaml": text for number, text in enumerate(documents)}
    state = desired({"triggers/hook.yaml": json.dumps(HOOK)} | files, kinds=discover_kinds())
    assert [one for one in state.problems if one.severity == "error"] == []
    return state


def decided(signal, *documents, trigger="hook", own=False, kinds=None):
    state = state_of(*documents)
    matcher = Matcher(desired=state, sources=discover_kinds(), triggers=kinds or discover_trigger_kinds())
    return matcher.decide(signal, state.bindings[trigger], own=own)


def one_of(signal, *documents, **given) -> Decision:
    (decision,) = decided(signal, *documents, **given)
    return decision


def test_a_new_version_becomes_an_edit_of_the_pin():
    decision = one_of(pushed(), web({"trigger": "hook"}))
    assert (decision.trigger, decision.workload, decision.number) == ("hook", "web", 0)
    assert (decision.fired, decision.action, decision.report) == (True, "deploy", False)
    assert decision.why == "image docker.io/shop/web:1.4.3"
    assert decision.version == Version(tag="1.4.3")
    assert decision.repin.edits == (PinEdit(pointer="/source/tag", value="1.4.3", after="/source/image"),)
    assert decision.repin.text == "docker.io/shop/web 1.4.2 → 1.4.3"
    assert len(decision.workload_id) == 8


@pytest.mark.parametrize("via", ["none", "pull_request"])
def test_where_nothing_is_written_the_version_is_only_told(via):
    decision = one_of(pushed(), web({"trigger": "hook"}, more=f', "update": {{"via": "{via}"}}'))
    assert (decision.fired, decision.report, decision.action) == (True, True, "deploy")
    assert decision.repin.edits


@pytest.mark.parametrize("via", ["none", "pull_request"])
def test_what_writes_nothing_is_never_only_told(via):
    binding = {"trigger": "hook", "action": "restart"}
    decision = one_of(pushed(), web(binding, more=f', "update": {{"via": "{via}"}}'))
    assert (decision.fired, decision.report) == (True, False)


@pytest.mark.parametrize("action", ["redeploy", "restart", "run"])
def test_other_actions_write_nothing(action):
    decision = one_of(pushed("1.4.2"), web({"trigger": "hook", "action": action}))
    assert (decision.fired, decision.action, decision.repin) == (True, action, None)


@pytest.mark.parametrize(
    ("pushed_tag", "source", "more", "fires"),
    [
        ("1.4.2", {}, {}, True),
        ("1.4.3", {}, {}, False),
        ("1.4.3", {}, {"with": {"tag_pattern": "^1"}}, True),
        (None, {}, {}, True),
        ("latest", {"tag": None}, {}, True),
        ("1.4.3", {"tag": None}, {}, False),
        ("1.4.3", {"tag": None, "digest": A}, {}, True),
        ("b", {"tag": None, "tags": ["a", "b"]}, {}, True),
        ("c", {"tag": None, "tags": ["a", "b"]}, {}, False),
    ],
)
def test_a_redeploy_is_for_the_tag_that_is_pinned(pushed_tag, source, more, fires):
    fields = {key: value for key, value in ({"tag": "1.4.2"} | source).items() if value is not None}
    binding = {"trigger": "hook", "action": "redeploy", **more}
    document = {"kind": "Workload", "name": "web", "triggers": [binding]}
    document["source"] = {"kind": "image", "image": "shop/web", **fields}
    decision = one_of(pushed(pushed_tag), json.dumps(document))
    assert decision.fired is fires
    assert fires or "`tag_pattern` would let others through" in decision.why


@pytest.mark.parametrize(
    "signal",
    [
        InboundEvent(type=MANUAL, subject="Ada"),
        pushed(None),
        InboundEvent(type=GIT_PUSH, repo="shop/web", branch="main", commit="c" * 40),
        InboundEvent(type=GIT_PUSH, repo="shop/web", branch="main"),
    ],
)
def test_a_deploy_without_a_version_of_the_image_is_a_redeploy(signal):
    decision = one_of(signal, web({"trigger": "hook"}))
    assert (decision.fired, decision.action, decision.version, decision.repin) == (True, "redeploy", None, None)
    assert decision.why == signal.text


@pytest.mark.parametrize(
    ("signal", "source", "why"),
    [
        (pushed("1.4.2"), {}, "docker.io/shop/web:1.4.2 is what is pinned already"),
        (pushed("1.4.2", digest=A), {"digest": A}, "docker.io/shop/web:1.4.2 is what is pinned already"),
        (pushed("1.5", image="docker.io/shop/api"), {}, "the workload runs docker.io/shop/web"),
    ],
)
def test_what_changes_nothing_does_not_fire(signal, source, why):
    decision = one_of(signal, web({"trigger": "hook"}, **source))
    assert (decision.fired, decision.repin) == (False, None)
    assert decision.why.startswith(why)


def test_a_pinned_digest_is_asked_for_and_then_written():
    document = web({"trigger": "hook"}, digest=A)
    decision = one_of(pushed(), document)
    assert (decision.fired, decision.needs) == (False, Needs(digests=("1.4.3",)))
    decision = one_of(with_digest(pushed(), B), document)
    assert (decision.fired, [one.pointer for one in decision.repin.edits]) == (True, ["/source/tag", "/source/digest"])


@pytest.mark.parametrize(
    ("document", "own", "why"),
    [
        (web({"trigger": "hook", "enabled": False}), False, "the binding is disabled"),
        (web({"trigger": "hook"}, more=', "suspend": true'), False, "the workload is suspended"),
        (web({"trigger": "hook"}), True, "the commit is an update of the agent's own"),
        (web({"trigger": "hook", "enabled": False}), True, "the binding is disabled"),
    ],
)
def test_a_binding_that_is_not_asked_says_why(document, own, why):
    decision = one_of(pushed(), document, own=own)
    assert (decision.fired, decision.why, decision.version) == (False, why, None)


def test_a_binding_of_a_workload_that_is_gone_says_so():
    before, after = state_of(web({"trigger": "hook"})), state_of()
    matcher = Matcher(desired=after, sources=discover_kinds(), triggers=discover_trigger_kinds())
    (decision,) = matcher.decide(pushed(), before.bindings["hook"])
    assert (decision.fired, decision.why, decision.workload_id) == (False, "its document cannot be used", "")


def test_bindings_are_asked_by_order_then_by_name_then_as_written():
    late, early = {"trigger": "hook", "order": 10}, {"trigger": "hook", "order": -1}
    plain = {"trigger": "hook"}
    found = decided(pushed(), web(late, plain, name="a"), web(plain, early, name="b"), web(plain, name="c"))
    assert [(one.workload, one.number) for one in found] == [("b", 1), ("a", 1), ("b", 0), ("c", 0), ("a", 0)]


def test_two_bindings_of_one_workload_to_one_trigger_each_have_their_filter():
    first = {"trigger": "hook", "with": {"tag_pattern": "^2"}}
    found = decided(pushed(), web(first, {"trigger": "hook", "action": "restart"}))
    assert [(one.fired, one.action) for one in found] == [(False, "deploy"), (True, "restart")]
    assert found[0].why == "tag_pattern ^2 finds nothing in 1.4.3"


def test_an_inline_trigger_fires_its_own_binding():
    document = web({"kind": "manual"}, {"kind": "schedule", "cron": "@daily", "action": "run"})
    decision = one_of(InboundEvent(type=TICK), document, trigger="web.2")
    assert (decision.fired, decision.action, decision.number) == (True, "run", 1)


def test_a_registry_is_looked_at_for_what_its_trigger_needs():
    watch = {"kind": "registry", "image": "shop/web", "policy": "numerical", "min_age": "1h"}
    tags = TagList(image="docker.io/shop/web", tags=("1", "7"), now=7200.0, first_seen={"7": 7000.0})
    decision = one_of(tags, web(watch, tag="1"), trigger="web.1")
    assert (decision.fired, decision.again) == (False, 7000.0 + 3600.0)
    decision = one_of(tags, web(watch | {"min_age": "1s"}, tag="1"), trigger="web.1")
    assert (decision.fired, decision.version) == (True, Version(tag="7"))


def test_what_a_kind_lacks_is_handed_on_with_its_reason():
    class Asking:
        name = "webhook"

        def judge(self, config, signal, pinned):
            return Verdict(fired=False, why="not known yet", needs=Needs(created=(pinned.tag,)), again=5.0)

    decision = one_of(pushed(), web({"trigger": "hook"}), kinds={"webhook": Asking()})
    assert (decision.fired, decision.why, decision.again) == (False, "not known yet", 5.0)
    assert decision.needs == Needs(created=("1.4.2",))
    assert bool(decision.needs)
    assert not Needs()


def test_the_host_of_a_registry_document_counts():
    registry = "kind: Registry\nname: own\nhost: registry.example.com:5000\n"
    signal = pushed(image="registry.example.com:5000/shop/web")
    decision = one_of(signal, web({"trigger": "hook"}, registry="own"), registry)
    assert decision.repin.text == "registry.example.com:5000/shop/web 1.4.2 → 1.4.3"


def test_a_workload_of_another_host_has_no_bindings_here():
    state = state_of(web({"trigger": "hook"}, more=', "hosts": ["other"]'), workload("here"))
    assert state.bindings == {}
