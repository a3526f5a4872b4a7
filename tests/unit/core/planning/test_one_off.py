"""One-off containers: what they are, how they are known again, and what their end means."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.plan_cases import make_container, make_situation, make_workload

from agent.core.model import Binding, RunSpec, Settings, Workload
from agent.core.observed import ContainerDetail, ObservedState, Role
from agent.core.planning.one_off import (
    RunMark,
    asked_by,
    end_of,
    making,
    mark_of,
    run_id,
    run_name,
    same_job,
    settings_of,
    starting,
)
from agent.core.runs import Run
from agent.sources.image import KIND

NIGHTLY = Binding(trigger="nightly", action="run", run=RunSpec(command=("dump",), timeout=60.0))
WEEKLY = Binding(trigger="nightly", action="run", run=RunSpec(command=("prune",)))
INLINE = Binding(inline={"kind": "schedule"}, action="run")
DEPLOYS = Binding(trigger="nightly")
FULL = {
    "tag": None,
    "tags": ["2.0", "1.0"],
    "replicas": 0,
    "port": 80,
    "command": ["serve"],
    "healthcheck": {"http": "/"},
    "labels": {"traefik.enable": "true"},
    "memory_limit": "64MiB",
    "user": "app",
}


def a_run(workload: Workload, number: int = 0, trigger: str = "nightly", event: str = "e1") -> Run:
    return Run(
        id=run_id(event, number, workload.id),
        workload_id=workload.id,
        workload=workload.name,
        trigger=trigger,
        event=event,
        state="waiting",
        requested="2026-01-01T00:00:00.000Z",
    )


def test_it_is_the_newest_version_of_the_workload_and_nobodys_service():
    workload = make_workload(source=FULL, publish=["80:80"], env={"A": "b"})
    spec = KIND.run_spec(workload, RunSpec(command=("dump",)), Settings(), {})
    assert spec is not None
    assert (spec.image, spec.instance, spec.command) == ("shop/web:2.0", "2.0", ("dump",))
    assert (spec.env, spec.user, spec.memory_limit) == ({"A": "b"}, "app", 64 << 20)
    assert spec.networks == ("pierhead",)
    assert (spec.publish, spec.aliases, spec.labels, spec.healthcheck, spec.restart) == ((), (), {}, None, "no")


def test_without_a_command_of_its_own_it_does_what_the_workload_does():
    spec = KIND.run_spec(make_workload(source=FULL), RunSpec(), Settings(), {})
    assert spec is not None
    assert spec.command == ("serve",)


def test_its_plan_pulls_as_the_workload_says_and_its_start_is_another_plan():
    workload = make_workload(source={"pull": "always"})
    run = a_run(workload)
    spec = KIND.run_spec(workload, RunSpec(), Settings(), {})
    assert spec is not None
    made = making(run, spec, RunMark(run=run.id), make_situation())
    name = run_name("web", run.id)
    assert [step.action.text for step in made.steps] == [
        "pull image shop/web:1.0 (always)",
        "create network pierhead",
        f"create container {name} from shop/web:1.0",
    ]
    assert [step.action.text for step in starting(run, "id-1").steps] == [f"start container {name}"]


def test_it_joins_the_network_that_the_workload_joins():
    workload = make_workload(source={"networks": ["workload:db"]})
    spec = KIND.run_spec(workload, RunSpec(), Settings(), {})
    assert spec is not None
    situation = make_situation(network_owners={"db": "id-db"})
    made = making(a_run(workload), spec, RunMark(run="r"), situation)
    assert getattr(made.steps[-1].action, "network_container", None) == "id-db"


def test_its_mark_says_everything_that_is_needed_to_go_on():
    mark = RunMark(run="r", timeout=60.0, grace=5.0, keep=3, trigger="nightly", event="e1")
    container = make_container(make_workload(), extra=dict(mark.extra))
    assert mark_of(container) == mark


@pytest.mark.parametrize("extra", [{}, {"timeout": "soon", "keep": True, "grace": None}])
def test_what_a_mark_does_not_say_is_as_by_default(extra):
    mark = mark_of(make_container(make_workload(), name="web.run.1", extra=extra))
    assert mark == RunMark(run="web.run.1")
    assert (mark.timeout, mark.keep) == (3600.0, 20)


@pytest.mark.parametrize(
    ("bindings", "number", "trigger", "expected"),
    [
        ((NIGHTLY,), 0, "nightly", ("dump",)),
        ((NIGHTLY, WEEKLY), 1, "nightly", ("prune",)),
        ((DEPLOYS, WEEKLY), 1, "nightly", ("prune",)),
        ((DEPLOYS, WEEKLY), 0, "nightly", ("prune",)),
        ((DEPLOYS, INLINE), 1, "web.2", None),
    ],
)
def test_its_settings_are_those_of_the_binding_through_which_it_was_asked_for(bindings, number, trigger, expected):
    workload = make_workload(triggers=bindings)
    settings = settings_of(workload, a_run(workload, number, trigger))
    assert settings is not None
    assert settings.command == expected


@pytest.mark.parametrize("trigger", ["weekly", "web.1"])
def test_a_trigger_that_runs_nothing_has_no_settings(trigger):
    workload = make_workload(triggers=(DEPLOYS, NIGHTLY))
    assert settings_of(workload, a_run(workload, 0, trigger)) is None


def test_two_runs_through_one_binding_are_the_same_job():
    workload = make_workload()
    one = a_run(workload)
    assert same_job(one, a_run(workload, event="e2"))
    assert not same_job(one, a_run(workload, number=1, event="e2"))
    assert not same_job(one, a_run(workload, trigger="weekly", event="e2"))


def test_a_run_that_was_found_without_memory_does_not_know_who_asked():
    run = replace(a_run(make_workload()), trigger="")
    assert asked_by(run).endswith("asked for by an earlier agent")


DETAIL = ContainerDetail(exit_code=0, started_at="2026-01-01T00:00:00Z", finished_at="2026-01-01T00:00:12.4Z")


@pytest.mark.parametrize(
    ("detail", "over_time", "state", "message"),
    [
        (DETAIL, False, "succeeded", "it ended with code 0 after 12 s"),
        (replace(DETAIL, exit_code=3), False, "failed", "it ended with code 3 after 12 s"),
        (replace(DETAIL, exit_code=127, error="no such file"), False, "failed", "after 12 s: no such file"),
        (replace(DETAIL, exit_code=137, oom_killed=True), False, "failed", "it ran out of memory after 12 s"),
        (DETAIL, True, "timed_out", "it took longer than its limit of 60 s and was ended"),
    ],
)
def test_its_end_is_told_apart(detail, over_time, state, message):
    end = end_of(detail, RunMark(run="r", timeout=60.0), over_time=over_time)
    assert end.state == state
    assert message in end.message


def test_one_off_containers_are_told_apart_from_those_of_their_workload():
    workload, other = make_workload(), make_workload("job")
    serving = make_container(workload)
    run = replace(make_container(workload, name="web.run.1"), role=Role.RUN)
    alone = replace(make_container(other, name="job.run.1"), role=Role.RUN)
    state = ObservedState((serving, run, alone))
    assert state.grouped() == {workload.id: (serving,), other.id: ()}
    assert state.runs() == {workload.id: (run,), other.id: (alone,)}
    assert state.of(workload.id) == (serving,)
    assert state.of("nobody") == ()
