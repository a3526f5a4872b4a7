"""Any sequence of commits, accidents and crashes ends in what the last commit says."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support.plan_cases import make_workload
from support.plan_simulator import World

from agent.core.model import Workload
from agent.core.naming import is_own_name, role_of
from agent.core.observed import ContainerDetail, Role
from agent.core.reasons import Phase

BAD = frozenset({"shop/web:bad", "shop/web:worse"})
TAGS = ["1.0", "2.0", "3.0", "bad", "worse"]


Wish = dict[str, Any]
"""The few fields of a workload that vary, short enough to read in a failure."""


@st.composite
def wishes(draw: st.DrawFn) -> Wish:
    """One workload under a fixed id: name, image, environment, replicas, ports and networks vary."""
    wish: Wish = {"name": draw(st.sampled_from(["web", "web", "shop"])), "tag": draw(st.sampled_from(TAGS))}
    wish["replicas"] = draw(st.sampled_from([1, 1, 2, 3]))
    if wish["replicas"] == 1 and draw(st.booleans()):
        wish["publish"] = True
    elif draw(st.booleans()):
        wish["tags"] = draw(st.lists(st.sampled_from(TAGS), min_size=1, max_size=3, unique=True))
    for field_name, one_in in (("env", 2), ("host", 3), ("suspend", 10)):
        if draw(st.integers(1, one_in)) == one_in:
            wish[field_name] = True
    return wish


def built(wish: Wish) -> Workload:
    """The workload of a wish."""
    source: Wish = {"replicas": wish["replicas"]}
    source |= {"tag": None, "tags": wish["tags"]} if "tags" in wish else {"tag": wish["tag"]}
    if "host" in wish:
        source["networks"] = ["host"]
    return make_workload(
        wish["name"],
        id="abc",
        source=source,
        env={"LEVEL": "info"} if "env" in wish else {},
        publish=["8080:80"] if "publish" in wish else [],
        suspend=wish.get("suspend", False),
    )


commits = st.tuples(st.just("commit"), st.one_of(wishes(), wishes(), st.none()))
passes = st.tuples(st.just("pass"), st.integers(0, 14))
accidents = st.tuples(
    st.sampled_from(["exited", "paused", "dead", "restarting", "created", "gone", "renamed", "limits", "network"]),
    st.integers(0, 5),
)
waits = st.tuples(st.just("wait"), st.sampled_from([1.0, 10.0, 400.0]))
stories = st.lists(st.one_of(commits, passes, passes, accidents, waits), max_size=14)


def happen(world: World, what: str, value: object) -> None:
    """One event of a story."""
    if what == "commit":
        world.commit(*([built(value)] if isinstance(value, dict) else []))
    elif what == "pass" and isinstance(value, int):
        plan = world.plan("abc")
        if plan is not None:
            world.run(plan, value)
    elif what == "wait" and isinstance(value, float):
        world.now += value
    elif isinstance(value, int):
        accident(world, what, value)


def accident(world: World, what: str, number: int) -> None:
    """Somebody or something does to one container what no plan asked for; nobody then counts as serving by plan."""
    containers = world.engine.observed().of("abc")
    if not containers:
        return
    victim = containers[number % len(containers)]
    engine = world.engine
    if what == "gone":
        del engine.containers[victim.id]
    elif what == "renamed":
        if role_of(victim.name) is not Role.ACTIVE:
            return  # a name is all that tells a candidate: decision 0001
        engine.change(victim.id, name=f"somebody-{number}-{victim.id}", role=Role.ACTIVE)
        engine.passed.add(victim.id)  # a name that a person gave counts as proof, where there is nothing to lose
    elif what == "limits":
        engine.change(victim.id, detail=ContainerDetail(memory_limit=64, restart="no"))
    elif what == "network":
        engine.change(victim.id, networks={})
    elif what != "created":
        engine.change(victim.id, state=what)
    engine.accidents = True


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(story=stories, last=st.one_of(wishes(), st.none()))
@example(
    story=[("commit", {"name": "web", "tag": "1.0", "replicas": 1}), ("pass", 6), ("dead", 0), ("commit", None)],
    last={"name": "web", "tag": "bad", "replicas": 2},
)
def test_every_story_ends_in_what_the_last_commit_says(story: list[tuple[str, object]], last: Wish | None):
    world = World()
    world.engine.bad_images = BAD
    world.engine.add_foreign("foreign")
    for what, value in story:
        happen(world, what, value)
    happen(world, "commit", None if last is None else {**last, "suspend": False})

    plans = world.settle()

    containers = world.engine.observed().of("abc")
    if last is None:
        assert not containers
        return
    (plan,) = plans
    assert all(one.running and role_of(one.name) is Role.ACTIVE for one in containers)
    instances = last.get("tags", [""])
    if {f"shop/web:{tag or last['tag']}" for tag in instances} & BAD:
        assert plan.phase in (Phase.DEGRADED, Phase.FAILED)
        assert plan.phase is Phase.FAILED or containers
        return
    assert plan.phase is Phase.SYNCED
    wanted = sorted((instance, index) for instance in instances for index in range(1, last["replicas"] + 1))
    assert sorted((one.instance, one.index) for one in containers) == wanted
    assert all(is_own_name(one) and one.workload == last["name"] for one in containers)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(story=stories, last=wishes())
def test_what_is_at_rest_plans_nothing_for_ever(story: list[tuple[str, object]], last: Wish):
    world = World()
    for what, value in [*story, ("commit", last)]:
        happen(world, what, value)
    world.settle()

    state = world.state()
    plan = world.plan("abc")

    assert plan is not None
    assert plan.empty
    assert plan == world.plan("abc")
    assert world.state() == state


@pytest.mark.parametrize("tag", ["2.0", "bad"])
def test_a_suspended_workload_is_left_alone_until_it_is_not(tag: str):
    world = World()
    world.engine.bad_images = BAD
    world.commit(make_workload("web", id="abc"))
    world.settle()
    before = world.state()

    world.commit(make_workload("web", id="abc", source={"tag": tag}, suspend=True))
    (plan,) = world.settle()

    assert plan.phase is Phase.SUSPENDED
    assert world.state() == before
