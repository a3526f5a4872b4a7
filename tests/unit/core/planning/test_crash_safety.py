"""Every state between two steps of every plan is continued to the same end, whatever happens there."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
from support.plan_cases import make_workload
from support.plan_simulator import World

from agent.core.model import Workload
from agent.core.moments import epoch
from agent.core.observed import ObservedContainer
from agent.core.reasons import Phase

Prepare = Callable[[World], None]


def web(tag: str = "1.0", **fields: object) -> Workload:
    source = {"tag": tag, **fields.pop("source", {})}  # type: ignore[dict-item]
    return make_workload("web", source=source, **fields)


def nothing(world: World) -> None:
    """A clean machine."""


def running(*workloads: Workload) -> Prepare:
    def prepare(world: World) -> None:
        world.commit(*workloads)
        world.settle()

    return prepare


def leftover_of_a_deploy(world: World) -> None:
    """The agent died after the new version was proven, before the old container was removed."""
    running(web("1.0", publish=["80:80"]))(world)
    world.commit(web("2.0", publish=["80:80"]))
    plan = world.plan(web().id)
    assert plan is not None
    world.run(plan, len(plan.steps) - 1)


def joined(tag: str = "1.0") -> tuple[Workload, Workload]:
    return web(tag), make_workload("sidecar", source={"networks": ["workload:web"]})


THREE = {"replicas": 3}
SCENARIOS: dict[str, tuple[Prepare, tuple[Workload, ...]]] = {
    "first deploy": (nothing, (web(),)),
    "new image": (running(web()), (web("2.0"),)),
    "new image with a published port": (running(web(publish=["80:80"])), (web("2.0", publish=["80:80"]),)),
    "new image of three replicas": (running(web(source=THREE)), (web("2.0", source=THREE),)),
    "more replicas": (running(web()), (web(source=THREE),)),
    "fewer replicas": (running(web(source=THREE)), (web(),)),
    "fewer replicas of a new image": (running(web(source=THREE)), (web("2.0"),)),
    "no replicas": (running(web()), (web(source={"replicas": 0}),)),
    "renamed": (running(web(id="abc")), (make_workload("shop", id="abc"),)),
    "renamed in the host's network": (
        running(web(id="abc", source={"networks": ["host"]})),
        (make_workload("shop", id="abc", source={"networks": ["host"]}),),
    ),
    "tags": (nothing, (web(source={"tag": None, "tags": ["2.0", "1.0"]}),)),
    "a newer tag, the oldest reaped": (
        running(web(source={"tag": None, "tags": ["2.0", "1.0"], "max_instances": 2})),
        (web(source={"tag": None, "tags": ["3.0", "2.0", "1.0"], "max_instances": 2}),),
    ),
    "from one version to tags": (running(web()), (web(source={"tag": None, "tags": ["2.0", "1.0"]}),)),
    "back to a version of which a container is left": (leftover_of_a_deploy, (web("1.0", publish=["80:80"]),)),
    "removed": (running(web(source=THREE)), ()),
    "network owner with a joiner": (running(*joined()), joined("2.0")),
}


def redeploy_of(*workloads: Workload) -> Prepare:
    """They run, and an event asks to redeploy them."""

    def prepare(world: World) -> None:
        running(*workloads)(world)
        world.generation = "second"

    return prepare


def restart_of(*workloads: Workload) -> Prepare:
    """They run, and an event asks to restart them."""

    def prepare(world: World) -> None:
        running(*workloads)(world)
        world.restart_at = world.now

    return prepare


PUBLISHED = web(publish=["80:80"])
ASKED: dict[str, tuple[Prepare, tuple[Workload, ...]]] = {
    "redeploy": (redeploy_of(PUBLISHED), (PUBLISHED,)),
    "redeploy of three replicas": (redeploy_of(web(source=THREE)), (web(source=THREE),)),
    "redeploy with a new image": (redeploy_of(web()), (web("2.0"),)),
    "restart": (restart_of(PUBLISHED), (PUBLISHED,)),
    "restart of three replicas": (restart_of(web(source=THREE)), (web(source=THREE),)),
    "restart with a new image": (restart_of(web()), (web("2.0"),)),
}
"""What an event asks for; the request is durable, so it is not forgotten by a crash."""


def prepared(name: str, **engine: frozenset[str]) -> World:
    world = World()
    prepare, desired = (SCENARIOS | ASKED)[name]
    prepare(world)
    for field_name, value in engine.items():
        setattr(world.engine, field_name, value)
    world.commit(*desired)
    return world


def run_until_crash(world: World, crash_after: int) -> bool:
    """Work like the agent until so many steps are done, then die; False when it came to rest before."""
    for _ in range(30):
        ids = sorted({*world.workloads, *(one.workload_id for one in world.engine.containers.values())})
        moved = False
        for workload_id in ids:
            plan = world.plan(workload_id)
            if plan is None or plan.empty:
                continue
            moved = True
            world.run(plan, crash_after)
            crash_after -= len(plan.steps)
            if crash_after <= 0:
                return True
        if not moved:
            return False
        world.now += 400.0
    raise AssertionError("not at rest")


def crashes(world: World) -> list[World]:
    """The worlds that a crash after each step leaves behind."""
    found = []
    for crash_after in range(1, 60):
        crashed = copy.deepcopy(world)
        if not run_until_crash(crashed, crash_after):
            return found
        found.append(crashed)
    raise AssertionError("a plan of more than 60 steps")


def forget_memory(world: World) -> World:
    """What only memory held is gone; the quarantine is in the journal."""
    world.repairs.clear()
    world.holds.clear()
    return world


@pytest.mark.parametrize("name", [*SCENARIOS, *ASKED])
def test_a_crash_after_any_step_ends_where_no_crash_would_have(name: str):
    expected = prepared(name)
    expected.settle()
    assert all(state == "running" for _, _, state in expected.state())

    for crashed in crashes(prepared(name)):
        forget_memory(crashed).settle()
        assert crashed.state() == expected.state()


@pytest.mark.parametrize(
    "name",
    ["new image with a published port", "new image of three replicas", "renamed", "more replicas", *ASKED],
)
def test_two_crashes_in_a_row_change_nothing_about_the_end(name: str):
    expected = prepared(name)
    expected.settle()

    for crashed in crashes(prepared(name)):
        for again in crashes(forget_memory(crashed)):
            forget_memory(again).settle()
            assert again.state() == expected.state()


@pytest.mark.parametrize(
    "name",
    ["new image", "new image with a published port", "new image of three replicas", "fewer replicas of a new image"],
)
def test_a_version_that_fails_its_gate_gives_way_to_the_previous_one_at_whatever_step_the_agent_crashes(name: str):
    bad = frozenset({"shop/web:2.0"})
    before = prepared(name).state()

    for crashed in [prepared(name, bad_images=bad), *crashes(prepared(name, bad_images=bad))]:
        (plan,) = forget_memory(crashed).settle()
        assert crashed.state() == before
        assert plan.phase is Phase.DEGRADED


@pytest.mark.parametrize("name", ["redeploy", "redeploy of three replicas"])
def test_a_redeploy_that_fails_gives_way_to_the_previous_container_at_whatever_step_the_agent_crashes(name: str):
    bad = frozenset({"second"})
    before = prepared(name).state()

    for crashed in [prepared(name, bad_generations=bad), *crashes(prepared(name, bad_generations=bad))]:
        (plan,) = forget_memory(crashed).settle()
        assert crashed.state() == before
        assert plan.phase is Phase.DEGRADED


@pytest.mark.parametrize("name", ["redeploy", "redeploy of three replicas"])
def test_a_redeploy_replaces_every_container_once(name: str):
    world = prepared(name)
    before = set(world.engine.containers)
    world.settle()
    after = set(world.engine.containers)
    assert not before & after
    assert {one.generation for one in world.engine.containers.values()} == {"second"}
    world.settle()
    assert set(world.engine.containers) == after


@pytest.mark.parametrize("name", ["restart", "restart of three replicas"])
def test_a_restart_keeps_every_container_and_is_over_when_all_were_started_since(name: str):
    for crashed in [prepared(name), *crashes(prepared(name))]:
        before, moment = set(crashed.engine.containers), crashed.restart_at
        forget_memory(crashed).settle()
        assert set(crashed.engine.containers) == before
        assert moment is not None
        assert all(started(one) >= moment for one in crashed.engine.containers.values())


def started(container: ObservedContainer) -> float:
    return epoch(container.detail.started_at) if container.detail is not None else 0.0


def test_replicas_are_restarted_one_after_the_other():
    world = prepared("restart of three replicas")
    plan = world.plan(web().id)
    assert plan is not None
    for step in plan.steps:
        world.engine.apply(step.action)
        assert sum(one.running for one in world.engine.containers.values()) >= 2


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_newer_commit_overtakes_after_any_step(name: str):
    newest = (
        (make_workload(SCENARIOS[name][1][0].name, id=SCENARIOS[name][1][0].id, source={"tag": "9.0"}),)
        if SCENARIOS[name][1]
        else (web("9.0"),)
    )
    expected = World()
    running(*newest)(expected)

    for crashed in crashes(prepared(name)):
        crashed.commit(*newest)
        crashed.settle()
        assert crashed.state() == expected.state()


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_commit_that_goes_back_after_any_step_ends_where_it_began(name: str):
    prepare, _ = SCENARIOS[name]
    start = World()
    prepare(start)
    start.settle()
    desired = tuple(start.workloads.values())

    for crashed in crashes(prepared(name)):
        crashed.commit(*desired)
        crashed.settle()
        assert crashed.state() == start.state()


@pytest.mark.parametrize("name", SCENARIOS)
def test_removal_after_any_step_leaves_nothing(name: str):
    for crashed in crashes(prepared(name)):
        crashed.commit()
        crashed.settle()
        assert crashed.state() == []


@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.parametrize("state", ["exited", "paused", "dead", "restarting"])
def test_containers_that_end_at_a_crash_are_brought_back(name: str, state: str):
    expected = prepared(name)
    expected.settle()

    for crashed in crashes(prepared(name)):
        for container_id, one in list(crashed.engine.containers.items()):
            if one.state == "running":
                crashed.engine.change(container_id, state=state, exit_code=137)
        crashed.engine.proven.clear()  # nobody serves any more, so nothing can be lost
        forget_memory(crashed).settle()
        assert [image for _, image, _ in crashed.state()] == [image for _, image, _ in expected.state()]
