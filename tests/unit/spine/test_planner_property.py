"""Plans that are kept are the plans that would be made: over any sequence of events, with repetitions and waits."""

from __future__ import annotations

import dataclasses
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from support.plan_cases import NOW, make_container, make_situation, make_workload, target_of

from agent.core.model import Settings
from agent.core.observed import ObservedContainer
from agent.planner import Planner
from agent.sources.image import KIND

ENV = {"TOKEN": {"secret": "token"}}
WORKLOADS = (
    make_workload(env=ENV),
    make_workload(env=ENV, source={"tag": "2.0"}),
    make_workload(env=ENV, source={"replicas": 2}),
    make_workload(env=ENV, source={"networks": ["workload:db"]}),
    make_workload(env=ENV, suspend=True),
    make_workload(env=ENV, depends_on=["db"]),
)
FIRST = make_situation(secrets={"token": "first"}, network_owners={"db": "id-db"})
SECOND = dataclasses.replace(FIRST, secrets={"token": "second"})
TARGETS = [target_of(one, situation) for one in WORKLOADS for situation in (FIRST, SECOND)]


def containers_of(number: int, version: int) -> ObservedContainer:
    joined = "id-db" if version == 3 else None
    return make_container(WORKLOADS[version], situation=FIRST, index=number, network_container=joined)


containers = st.lists(
    st.builds(
        lambda number, version, changes: dataclasses.replace(containers_of(number, version), **changes),
        st.integers(1, 2),
        st.integers(0, 3),
        st.fixed_dictionaries(
            {},
            optional={
                "state": st.sampled_from(["running", "exited", "restarting", "paused"]),
                "health": st.sampled_from(["starting", "unhealthy"]),
                "name": st.sampled_from(["by-hand", "web.0123abcd.candidate"]),
                "networks": st.just({}),
            },
        ),
    ),
    max_size=2,
    unique_by=lambda one: one.id,
).map(tuple)

LATER = st.sampled_from([NOW - 400, NOW - 100, NOW + 50, NOW + 500])
CHANGES: dict[str, st.SearchStrategy[Any]] = {
    "workload": st.sampled_from(WORKLOADS),
    "observed": containers,
    "passed": st.sampled_from([0.0, 0.0, 1.0, 60.0, 400.0]),
    "revision": st.sampled_from(["a" * 40, "b" * 40]),
    "settings": st.sampled_from([Settings(), Settings(default_network="other")]),
    "secrets": st.sampled_from([{"token": "first"}, {"token": "second"}, {}]),
    "registry_hosts": st.sampled_from([{}, {"main": "registry.example.com"}]),
    "quarantined": st.dictionaries(st.sampled_from(TARGETS), st.just("HealthCheckFailed"), max_size=1),
    "waiting_for": st.sampled_from([{}, {"db": "Progressing"}]),
    "network_owners": st.sampled_from([{}, {"db": "id-db"}, {"db": "id-db-2"}]),
    "repairs": st.lists(LATER, max_size=6).map(tuple),
    "retry_at": st.one_of(st.none(), LATER),
    "unhealthy": st.sampled_from([{}, {containers_of(1, 0).id: "3 checks in a row failed"}]),
    "deployed": st.sampled_from(["", *TARGETS]),
}
change = st.sampled_from(sorted(CHANGES)).flatmap(lambda name: st.tuples(st.just(name), CHANGES[name]))


@given(st.lists(st.one_of(st.none(), change), min_size=1, max_size=30))
def test_a_planner_that_keeps_plans_says_what_one_without_memory_would_say(changes):
    planner = Planner({"image": KIND})
    workload, observed, now = WORKLOADS[0], (containers_of(1, 0),), NOW
    fields: dict[str, Any] = {"secrets": {"token": "first"}, "network_owners": {"db": "id-db"}}
    for one in changes:
        match one:
            case ("workload", workload):
                pass
            case ("observed", observed):
                pass
            case ("passed", seconds):
                now += seconds
            case (name, value):
                fields[name] = value
        situation = make_situation(**fields, now=now)
        assert planner.plan(workload, observed, situation) == KIND.plan(workload, observed, situation)


def test_a_plan_is_kept_while_only_time_passes():
    planner = Planner({"image": KIND})
    first = planner.plan(WORKLOADS[0], (containers_of(1, 0),), FIRST)
    assert planner.plan(WORKLOADS[0], (containers_of(1, 0),), dataclasses.replace(FIRST, now=NOW + 1000)) is first


def test_a_plan_that_waits_for_a_time_is_not_kept():
    planner = Planner({"image": KIND})
    waiting = dataclasses.replace(FIRST, secrets={})
    first = planner.plan(WORKLOADS[0], (containers_of(1, 0),), waiting)
    later = planner.plan(WORKLOADS[0], (containers_of(1, 0),), dataclasses.replace(waiting, now=NOW + 10))
    assert later.until == (first.until or 0.0) + 10
