"""Plans carried out on a real engine: a deploy that takes, deploys that fail in each way, and the lease around them."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from support import images
from support.engine_fixtures import URL, RealEngine

from agent.clock import SystemClock
from agent.core.actions import (
    Action,
    AwaitHealthy,
    CreateNetwork,
    RemoveContainer,
    RenameContainer,
    StartContainer,
    StopContainer,
)
from agent.core.model import HealthCheck
from agent.core.plan import Plan, Step
from agent.core.policy import HostPolicy
from agent.core.reasons import Phase, Reason
from agent.engine.apply import Applied, ApplyContext, Executor, Failed, Interrupted, Outcome
from agent.engine.client import DockerEngine
from agent.engine.lease import EngineLease
from agent.errors import Stalled

pytestmark = pytest.mark.engine
CHECK = HealthCheck(http="/", port=8080, interval=1, retries=2, start_period=1)


class NoSecrets:
    """There are none."""

    def value(self, name: str) -> str:
        raise Stalled(Reason.SECRET_MISSING, name)

    def digest(self, name: str) -> str | None:
        return None

    def redact(self, text: str) -> str:
        return text.replace("settings", "***")


def apply(real: RealEngine, *actions: Action, stopping=lambda: False) -> Outcome:
    plan = Plan(
        workload="web",
        workload_id="abcd1234",
        phase=Phase.PROGRESSING,
        reason=Reason.DEPLOYING,
        message="",
        steps=tuple(Step(action, "because") for action in actions),
    )
    executor = Executor(real.engine, NoSecrets(), lambda *_: None, SystemClock())
    context = ApplyContext(superseded=lambda: False, stopping=stopping, progress=lambda _: None)
    return executor.apply(plan, context)


def deploy(real: RealEngine, check: HealthCheck | None, **fields) -> Outcome:
    name = real.name(".candidate")
    return apply(
        real,
        CreateNetwork(real.name("-net")),
        real.action(".candidate", networks=(real.name("-net"),), healthcheck=check, **fields),
        StartContainer(name, name),
        AwaitHealthy(name, name, check),
    )


def test_a_new_version_takes_the_place_of_the_old(real):
    web = images.web_image(real.client, "ph-test/web:1", "one")
    assert isinstance(deploy(real, CHECK, image=web), Applied)
    old = real.engine.list_containers()[0].id
    new = real.name(".new")
    outcome = apply(
        real,
        RenameContainer(old, "old", real.name(".old")),
        real.action(".new", fingerprint="1:2", networks=(real.name("-net"),), image=web),
        StopContainer(old, "old", 5.0),
        StartContainer(new, new),
        AwaitHealthy(new, new, CHECK),
        RenameContainer(new, new, real.name()),
        RemoveContainer(old, "old"),
    )
    assert isinstance(outcome, Applied)
    assert outcome.seconds < 8
    assert [(one.name, one.state) for one in real.engine.list_containers()] == [(real.name(), "running")]


@pytest.mark.parametrize(
    ("fields", "check", "reason"),
    [
        ({"command": ("sh", "-c", "echo settings; exit 3"), "restart": "no"}, CHECK, Reason.CONTAINER_EXITED),
        ({"command": ("sh", "-c", "echo settings; exit 3")}, CHECK, Reason.CRASH_LOOP),
        ({"command": ("sh", "-c", "echo settings; exit 3")}, None, Reason.CRASH_LOOP),
        ({"command": ("sh", "-c", "echo settings; sleep 60")}, CHECK, Reason.HEALTH_TIMEOUT),
        (
            {"command": ("sh", "-c", "echo settings; sleep 60")},
            HealthCheck(command=("false",), interval=0.3, retries=1, start_period=0),
            Reason.UNHEALTHY,
        ),
        (
            {"command": ("sh", "-c", "echo settings; tail /dev/zero"), "memory_limit": 8 << 20, "restart": "no"},
            CHECK,
            Reason.OUT_OF_MEMORY,
        ),
    ],
)
def test_each_way_to_fail_has_its_own_reason_and_the_last_lines(real, fields, check, reason):
    outcome = deploy(real, check, **fields)
    assert isinstance(outcome, Failed)
    assert outcome.reason is reason
    assert outcome.permanent
    assert outcome.logs[-1] == "***"
    assert outcome.container == real.engine.exists(real.name(".candidate")).id


def test_the_wait_for_a_silent_container_is_broken_off_at_once(real):
    image = images.silent_image(real.client)
    ends_at: list[float] = []

    def stopping() -> bool:
        running = any(one.running for one in real.engine.list_containers())
        if running and not ends_at:
            ends_at.append(time.monotonic())
        return bool(ends_at) and time.monotonic() > ends_at[0] + 0.3

    outcome = apply(
        real,
        CreateNetwork(real.name("-net")),
        real.action(".candidate", networks=(real.name("-net"),), image=image),
        StartContainer(real.name(".candidate"), "x"),
        AwaitHealthy(real.name(".candidate"), "x", HealthCheck(http="/", port=8080, start_period=60)),
        stopping=stopping,
    )
    assert isinstance(outcome, Interrupted)
    assert time.monotonic() - ends_at[0] < 1.0


def lease(real: RealEngine, folder: Path) -> EngineLease:
    return EngineLease(DockerEngine(URL, real.host, folder, HostPolicy()), folder, SystemClock())


def test_one_agent_at_a_time_drives_an_engine_under_one_host_name(real, tmp_path):
    first, second, heir = lease(real, tmp_path / "a"), lease(real, tmp_path / "b"), lease(real, tmp_path / "a")
    first.acquire()
    first.renew()
    assert len(real.engine.leases.all()) == 1
    with pytest.raises(Stalled, match="another agent drives this engine"):
        second.acquire()
    with pytest.raises(Stalled, match="process"):
        heir.acquire()
    first._folder.release()  # what the kernel does when a process is killed
    heir.acquire()
    with pytest.raises(Stalled):
        first.renew()
    heir.release()
    second.acquire()
    assert second.held
    second.release()
    assert real.engine.leases.all() == ()


def test_agents_of_different_host_names_do_not_mind_each_other(real, tmp_path):
    first = lease(real, tmp_path / "a")
    engine = DockerEngine(URL, f"{real.host}-other", tmp_path, HostPolicy())
    second = EngineLease(engine, tmp_path / "b", SystemClock())
    first.acquire()
    second.acquire()
    assert first.held
    assert second.held
    first.release()
    second.release()
