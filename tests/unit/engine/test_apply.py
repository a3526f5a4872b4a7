"""The executor on the fake engine: order, outcomes, making way, and the health gate in virtual time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from fakes.containers import Behaviour
from fakes.engine import FakeEngine

from agent.core.actions import (
    Action,
    AwaitHealthy,
    ConnectNetwork,
    CreateContainer,
    CreateNetwork,
    CreateVolume,
    PullImage,
    RemoveContainer,
    RenameContainer,
    StartContainer,
    StopContainer,
    UnpauseContainer,
    UpdateContainer,
)
from agent.core.container import ContainerSpec
from agent.core.model import HealthCheck, SecretRef
from agent.core.plan import Plan, Step
from agent.core.reasons import Phase, Reason
from agent.engine.apply import Applied, ApplyContext, Executor, Failed, Interrupted, Outcome, Superseded
from agent.errors import Stalled, Transient
from agent.ports import Credentials

HTTP = HealthCheck(http="/", port=80, interval=5, retries=3, start_period=5)
COMMAND = HealthCheck(command=("check",), interval=1, retries=2, start_period=1)


class FakeSecrets:
    """One secret."""

    def value(self, name: str) -> str:
        if name != "password":
            raise Stalled(Reason.SECRET_MISSING, f"secret {name}: not found")
        return "hunter2"

    def digest(self, name: str) -> str | None:
        return "aa" if name == "password" else None

    def redact(self, text: str) -> str:
        return text.replace("hunter2", "***")


@dataclass
class World:
    """An engine with one image, and what the executor was asked along the way."""

    engine: FakeEngine = field(default_factory=FakeEngine)
    logins: list[tuple[str | None, str]] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    superseded: Callable[[], bool] = lambda: False
    stopping: Callable[[], bool] = lambda: False

    def login(self, registry: str | None, image: str) -> Credentials | None:
        self.logins.append((registry, image))
        return None

    def apply(self, *actions: Action) -> Outcome:
        plan = Plan(
            workload="web",
            workload_id="abcd1234",
            phase=Phase.PROGRESSING,
            reason=Reason.DEPLOYING,
            message="",
            steps=tuple(Step(action, "because") for action in actions),
        )
        context = ApplyContext(
            superseded=self.superseded,
            stopping=self.stopping,
            progress=lambda step: self.seen.append(step.action.text),
        )
        executor = Executor(self.engine, FakeSecrets(), self.login, self.engine.clock, self.engine.probe)
        return executor.apply(plan, context)

    def deploy(self, check: HealthCheck | None = None, **fields: Any) -> Outcome:
        return self.apply(create(**fields), start(), AwaitHealthy("web.candidate", "web.candidate", check))


@pytest.fixture
def world() -> World:
    made = World()
    made.engine.images["web:1"] = "sha256:aa"
    made.engine.networks.add("pierhead")
    return made


def create(name: str = "web.candidate", fingerprint: str = "1:new", **fields: Any) -> CreateContainer:
    defaults = {"workload": "web", "workload_id": "abcd1234", "image": "web:1", "networks": ("pierhead",)}
    return CreateContainer(name, ContainerSpec(**(defaults | fields)), fingerprint, "c0ffee", "active")


def start(name: str = "web.candidate") -> StartContainer:
    return StartContainer(name, name)


def failed(outcome: Outcome) -> Failed:
    assert isinstance(outcome, Failed), outcome
    return outcome


def test_an_empty_plan_is_applied(world):
    assert isinstance(world.apply(), Applied)
    assert world.engine.calls == []


def test_each_step_is_one_operation_in_the_order_of_the_plan(world):
    world.engine.remote_images["web:2"] = "sha256:bb"
    old = world.engine.create(create("web.old", "1:old"), {})
    world.engine.start(old)
    world.engine.calls.clear()
    outcome = world.apply(
        PullImage("web:2", "hub", None, always=False),
        CreateNetwork("net"),
        CreateVolume("data", "web", "abcd1234"),
        create(image="web:2"),
        StopContainer(old, "web.old", 10.0),
        start(),
        ConnectNetwork("web.candidate", "web.candidate", "net", ("web",)),
        RenameContainer("web.candidate", "web.candidate", "web"),
        UpdateContainer(old, "web.old", None, None, None, "no"),
        UnpauseContainer(old, "web.old"),
        RemoveContainer(old, "web.old"),
    )
    assert isinstance(outcome, Applied)
    assert world.engine.calls == [
        "pull", "create_network", "create_volume", "create", "stop", "start", "connect", "rename", "update", "unpause",
        "remove",
    ]  # fmt: skip
    assert world.engine.names() == {"web": "running"}
    assert outcome.digests == {"web:2": "sha256:bb"}
    assert outcome.created == (world.engine.named("web").id,)
    assert world.logins == [("hub", "web:2")]
    assert world.engine.volumes["data"] == {"pierhead.workload": "web", "pierhead.id": "abcd1234"}
    assert len(world.seen) == 11


def test_secrets_are_resolved_only_when_the_container_is_made(world):
    world.apply(create(env={"PASSWORD": SecretRef("password"), "LEVEL": "info"}))
    assert world.engine.named("web.candidate").env == {"PASSWORD": "hunter2", "LEVEL": "info"}


def test_a_missing_secret_fails_the_step_but_does_not_condemn_the_version(world):
    outcome = failed(world.apply(create(env={"PASSWORD": SecretRef("nope")}), start()))
    assert (outcome.reason, outcome.permanent) == (Reason.SECRET_MISSING, False)
    assert world.engine.names() == {}


@pytest.mark.parametrize(
    ("error", "permanent"),
    [
        (Stalled(Reason.INVALID_CONTAINER, "no such command", advice="check it"), True),
        (Stalled(Reason.FORBIDDEN_PATH, "not allowed"), False),
        (Transient(Reason.INVALID_CONTAINER, "no such folder", retry_after=60.0), False),
        (Transient(Reason.PORT_TAKEN, "port 80", retry_after=30.0), False),
        (Transient(Reason.ENGINE_UNREACHABLE, "away"), False),
    ],
)
def test_only_what_a_commit_alone_can_mend_is_permanent(world, error, permanent):
    world.engine.fail("start", error)
    outcome = failed(world.deploy())
    assert outcome.permanent is permanent
    assert (outcome.reason, outcome.message, outcome.advice) == (error.reason, error.message, error.advice)
    assert outcome.retry_after == getattr(error, "retry_after", None)
    assert outcome.step.action == start()
    assert outcome.container == world.engine.named("web.candidate").id


def test_what_fails_is_told_without_secrets(world):
    world.apply(create(env={"A": SecretRef("password")}))
    world.engine.fail("start", Transient(Reason.ENGINE_ERROR, "bad value hunter2"))
    assert failed(world.apply(start())).message == "bad value ***"


def test_a_bug_is_not_an_outcome(world, monkeypatch):
    monkeypatch.setattr(world.engine, "start", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        world.deploy()


# Making way


def test_a_newer_commit_overtakes_between_two_steps(world):
    world.superseded = lambda: len(world.seen) == 1
    outcome = world.apply(create(), start())
    assert isinstance(outcome, Superseded)
    assert outcome.step.action == start()
    assert world.engine.names() == {"web.candidate": "created"}


def test_the_agents_end_interrupts_between_two_steps(world):
    world.stopping = lambda: len(world.seen) == 1
    assert isinstance(world.apply(create(), start()), Interrupted)


def test_nothing_interrupts_between_stopping_the_old_and_starting_the_new(world):
    old = world.engine.create(create("web.old", "1:old"), {})
    world.engine.start(old)
    world.stopping = lambda: world.engine.containers[old].state == "exited"
    outcome = world.apply(
        create(), StopContainer(old, "web.old", 1.0), start(), AwaitHealthy("web.candidate", "web.candidate", HTTP)
    )
    assert isinstance(outcome, Interrupted)
    assert world.engine.names() == {"web.old": "exited", "web.candidate": "running"}


def test_the_wait_for_health_makes_way_within_a_tenth_of_a_second(world):
    world.engine.behaviours["web:1"] = Behaviour(answers=False)
    world.superseded = lambda: world.engine.clock.elapsed > 2.0
    outcome = world.deploy(HTTP)
    assert isinstance(outcome, Superseded)
    assert world.engine.clock.elapsed < 2.11
    world.superseded = lambda: False
    begun = world.engine.clock.elapsed
    world.stopping = lambda: world.engine.clock.elapsed > begun + 1.0
    assert isinstance(world.deploy(HTTP), Interrupted)


def test_an_end_that_was_called_off_during_the_wait_still_ends_it(world):
    answers = iter([False, False, False, True])
    world.engine.behaviours["web:1"] = Behaviour(answers=False)
    world.superseded = lambda: next(answers, False)
    assert isinstance(world.apply(create(), start(), AwaitHealthy("web.candidate", "x", HTTP)), Interrupted)


# The gate


def test_a_container_that_answers_passes_at_once(world):
    outcome = world.deploy(HTTP)
    assert isinstance(outcome, Applied)
    assert outcome.seconds == 0.0


def test_a_container_that_needs_a_moment_passes_when_it_answers(world):
    world.engine.behaviours["web:1"] = Behaviour(answers=False)

    def answer(elapsed: float) -> None:
        if elapsed > 3.0:
            world.engine.behaviours["web:1"] = Behaviour()

    world.engine.clock.on_wait.append(answer)
    outcome = world.deploy(HTTP)
    assert isinstance(outcome, Applied)
    assert 3.0 < outcome.seconds < 3.2


def test_a_container_that_never_answers_fails_at_its_deadline_with_its_last_lines(world):
    lines = tuple(f"line {number} hunter2" for number in range(30))
    world.engine.behaviours["web:1"] = Behaviour(answers=False, output=lines)
    outcome = failed(world.deploy(HTTP))
    assert (outcome.reason, outcome.permanent) == (Reason.HEALTH_TIMEOUT, True)
    assert "not healthy after 20 s" in outcome.message
    assert "Connection refused" in outcome.message
    assert outcome.logs == tuple(f"line {number} ***" for number in range(10, 30))
    assert 20.0 <= world.engine.clock.elapsed < 20.2


def test_the_engine_is_asked_sparingly_while_a_container_is_silent(world):
    world.engine.behaviours["web:1"] = Behaviour(answers=False)
    world.deploy(HTTP)
    assert world.engine.calls.count("exists") <= 10 + 20 / 0.5


def test_without_a_check_running_for_a_second_is_enough(world):
    outcome = world.deploy()
    assert isinstance(outcome, Applied)
    assert 1.0 <= outcome.seconds < 1.3


@pytest.mark.parametrize("check", [None, HTTP, COMMAND])
def test_a_process_that_ends_fails_with_its_code_at_once(world, check):
    world.engine.behaviours["web:1"] = Behaviour(exit_code=3, answers=False, output=("no database",))
    outcome = failed(world.deploy(check, restart="no"))
    assert (outcome.reason, outcome.exit_code, outcome.permanent) == (Reason.CONTAINER_EXITED, 3, True)
    assert outcome.logs == ("no database",)
    assert world.engine.clock.elapsed < 0.2


def test_a_process_that_ends_later_is_noticed_within_half_a_second(world):
    world.engine.behaviours["web:1"] = Behaviour(answers=False)

    def die(elapsed: float) -> None:
        one = world.engine.named("web.candidate")
        if elapsed > 2.0 and one.state == "running":
            world.engine.kill(one.id, 1)

    world.engine.clock.on_wait.append(die)
    assert failed(world.deploy(HTTP)).reason is Reason.CONTAINER_EXITED
    assert world.engine.clock.elapsed < 2.6


@pytest.mark.parametrize("behaviour", [Behaviour(exit_code=1, restarts=2), Behaviour(restarts=1, answers=False)])
def test_a_container_that_docker_restarts_is_a_crash_loop(world, behaviour):
    world.engine.behaviours["web:1"] = behaviour
    outcome = failed(world.deploy(HTTP))
    assert (outcome.reason, outcome.permanent) == (Reason.CRASH_LOOP, True)
    assert f"restarted {behaviour.restarts} times" in outcome.message


def test_a_container_that_answers_is_not_excused_from_a_restart(world):
    world.engine.behaviours["web:1"] = Behaviour(restarts=1)
    assert failed(world.deploy(HTTP)).reason is Reason.CRASH_LOOP


def test_a_container_that_ran_out_of_memory_is_told_apart(world):
    world.engine.behaviours["web:1"] = Behaviour(exit_code=137, oom_killed=True, restarts=1)
    outcome = failed(world.deploy())
    assert (outcome.reason, outcome.exit_code) == (Reason.OUT_OF_MEMORY, 137)
    assert "memory_limit" in outcome.advice


def test_a_container_that_somebody_removes_fails(world):
    world.engine.behaviours["web:1"] = Behaviour(answers=False)
    world.engine.clock.on_wait.append(lambda _: world.engine.containers.clear())
    outcome = failed(world.deploy(HTTP))
    assert outcome.reason is Reason.CONTAINER_EXITED
    assert "removed" in outcome.message


def test_a_container_that_somebody_paused_is_waited_for(world):
    outcome = failed(world.apply(create(), AwaitHealthy("web.candidate", "web.candidate", HTTP)))
    assert outcome.reason is Reason.HEALTH_TIMEOUT
    assert "it is created" in outcome.message


@pytest.mark.parametrize("check", [None, COMMAND])
def test_dockers_own_health_check_decides_where_there_is_one(world, check):
    world.engine.behaviours["web:1"] = Behaviour(health="starting")

    def become(elapsed: float) -> None:
        if elapsed > 1.5:
            world.engine.named("web.candidate").health = "healthy"

    world.engine.clock.on_wait.append(become)
    outcome = world.deploy(check)
    assert isinstance(outcome, Applied)
    assert 1.5 < outcome.seconds < 2.2


def test_an_unhealthy_container_fails_with_what_its_check_said(world):
    world.engine.behaviours["web:1"] = Behaviour(health="unhealthy")
    outcome = failed(world.deploy(COMMAND))
    assert (outcome.reason, outcome.permanent) == (Reason.UNHEALTHY, True)
    assert "it said so" in outcome.message


def test_a_command_that_docker_never_runs_ends_the_wait_some_time(world):
    world.engine.behaviours["web:1"] = Behaviour(health="starting")
    assert failed(world.deploy(COMMAND)).reason is Reason.HEALTH_TIMEOUT
    assert world.engine.clock.elapsed < 30
    world.engine.behaviours["web:1"] = Behaviour(health="starting")
    assert "starting" in failed(world.deploy()).message


def test_a_container_must_be_seen_running_at_the_end_of_its_second(world):
    def pause(elapsed: float) -> None:
        one = world.engine.named("web.candidate")
        if 0.9 < elapsed < 3.0:
            one.state = "paused"
        elif one.state == "paused":
            one.state = "running"

    world.engine.clock.on_wait.append(pause)
    outcome = world.deploy()
    assert isinstance(outcome, Applied)
    assert outcome.seconds >= 3.0


def test_a_short_absence_of_the_engine_does_not_fail_the_gate(world):
    for call in range(1, 4):
        world.engine.fail("exists", Transient(Reason.ENGINE_UNREACHABLE, "away"), at=call)
    assert isinstance(world.deploy(), Applied)


def test_an_engine_that_stays_away_is_no_fault_of_the_version(world):
    for call in range(1, 2000):
        world.engine.fail("exists", Transient(Reason.ENGINE_UNREACHABLE, "away"), at=call)
    outcome = failed(world.deploy(HTTP))
    assert (outcome.reason, outcome.permanent) == (Reason.ENGINE_UNREACHABLE, False)
    assert outcome.logs == ()


def test_a_container_without_an_address_yet_is_waited_for(world):
    world.engine.fail("address", Transient(Reason.ENGINE_ERROR, "no address now"))
    assert isinstance(world.deploy(HTTP), Applied)


def test_a_log_that_cannot_be_read_hides_no_failure(world):
    world.engine.behaviours["web:1"] = Behaviour(exit_code=1)
    world.engine.fail("logs", Transient(Reason.ENGINE_ERROR, "broken"))
    outcome = failed(world.deploy())
    assert outcome.reason is Reason.CRASH_LOOP
    assert outcome.logs == ("(its log cannot be read: broken)",)
