"""What somebody does to the engine behind git's back is put right, within limits; what is not ours is not touched."""

from __future__ import annotations

import pytest
from support.agent_process import AgentProcess, ConfigRepository, EngineSide, wait_for
from support.yaml_texts import web, workload

pytestmark = [pytest.mark.engine, pytest.mark.timeout(120)]


@pytest.fixture
def running(
    agent: AgentProcess, repository: ConfigRepository, engine: EngineSide, web_images: dict[str, str]
) -> EngineSide:
    """A web workload at rest."""
    repository.commit({"workloads/web.yaml": web("web", web_images["one"], {"memory_limit": "64MiB"})})
    agent.start()
    agent.wait_phase("web", "Synced")
    return engine


def test_a_killed_container_is_started_again(agent: AgentProcess, running: EngineSide) -> None:
    container = running.only("web")
    running.api.kill(container["Id"])
    wait_for("it was repaired", lambda: agent.events("Repaired", "web"), timeout=10)
    agent.wait_phase("web", "Synced")
    assert running.only("web")["Id"] == container["Id"]
    assert running.only("web")["State"] == "running"
    drift = agent.events("DriftDetected", "web")
    assert "exited" in drift[0]["message"] + str(drift[0]["data"])


def test_a_removed_container_is_created_again(agent: AgentProcess, running: EngineSide) -> None:
    before = running.only("web")["Id"]
    running.api.remove_container(before, force=True)
    wait_for("another one runs", lambda: [one for one in running.running("web") if one["Id"] != before])
    agent.wait_phase("web", "Synced")


def test_a_renamed_container_gets_its_name_back(agent: AgentProcess, running: EngineSide) -> None:
    container = running.only("web")
    running.api.rename(container["Id"], f"somebody-{agent.host}")
    wait_for("the name is back", lambda: running.only("web")["Names"] == container["Names"])
    assert running.only("web")["Id"] == container["Id"]


def test_changed_limits_are_put_back_without_a_restart(agent: AgentProcess, running: EngineSide) -> None:
    container = running.only("web")
    started = running.api.inspect_container(container["Id"])["State"]["StartedAt"]
    running.api.update_container(container["Id"], mem_limit=32 * 1024 * 1024)
    wait_for(
        "the limit is back",
        lambda: running.api.inspect_container(container["Id"])["HostConfig"]["Memory"] == 64 * 1024 * 1024,
    )
    assert running.api.inspect_container(container["Id"])["State"]["StartedAt"] == started


def test_a_paused_container_is_unpaused(agent: AgentProcess, running: EngineSide) -> None:
    container = running.only("web")
    running.api.pause(container["Id"])
    wait_for("it runs", lambda: running.only("web")["State"] == "running" and agent.events("Repaired", "web"))


def test_a_container_that_was_disconnected_is_connected_again(agent: AgentProcess, running: EngineSide) -> None:
    container = running.only("web")
    networks = container["NetworkSettings"]["Networks"]
    running.api.disconnect_container_from_network(container["Id"], next(iter(networks)))
    wait_for("it is connected", lambda: set(running.only("web")["NetworkSettings"]["Networks"]) == set(networks))
    agent.wait_phase("web", "Synced")
    assert running.only("web")["Id"] == container["Id"]


def test_repair_stops_after_five_times_and_says_so(agent: AgentProcess, running: EngineSide) -> None:
    container = running.only("web")["Id"]
    for number in range(1, 6):
        running.api.kill(container)
        wait_for(f"repair {number}", lambda number=number: len(agent.events("Repaired", "web")) == number)
        agent.wait_phase("web", "Synced")
    running.api.kill(container)
    degraded = agent.wait_phase("web", "Degraded")
    assert degraded["reason"] == "RepairLimitReached"
    assert degraded["until"]
    assert len(agent.events("Repaired", "web")) == 5
    assert running.only("web")["State"] == "exited"


def test_an_unhealthy_container_degrades_the_workload_and_heals(agent: AgentProcess, running: EngineSide) -> None:
    container = running.only("web")["Id"]
    running.api.exec_start(running.api.exec_create(container, ["sh", "-c", "mv /www/index.html /www/hidden"]))
    degraded = agent.wait_phase("web", "Degraded", timeout=40)
    assert degraded["reason"] == "Unhealthy"
    running.api.exec_start(running.api.exec_create(container, ["sh", "-c", "mv /www/hidden /www/index.html"]))
    agent.wait_phase("web", "Synced")


def test_containers_without_our_labels_are_never_touched(
    agent: AgentProcess, repository: ConfigRepository, running: EngineSide, web_images: dict[str, str]
) -> None:
    api = running.api
    foreign = api.create_container(web_images["busybox"], name=f"web-{agent.host}", labels={"pierhead.host": "other"})
    api.start(foreign["Id"])
    try:
        revision = repository.commit(
            {"workloads/web.yaml": None, "workloads/app.yaml": workload("app", web_images["busybox"])}
        )
        agent.wait_phase("app", "Synced", revision=revision)
        wait_for("ours is removed", lambda: not running.containers("web"))
        assert api.inspect_container(foreign["Id"])["State"]["Running"]
    finally:
        api.remove_container(foreign["Id"], force=True)


def test_what_drifted_while_no_agent_ran_is_repaired_at_the_next_start(
    agent: AgentProcess, running: EngineSide
) -> None:
    assert agent.stop() == 0
    container = running.only("web")["Id"]
    running.api.update_container(container, mem_limit=32 * 1024 * 1024)
    running.api.kill(container)
    agent.start()
    agent.wait_phase("web", "Synced")
    found = running.api.inspect_container(container)
    assert found["State"]["Running"]
    wait_for(
        "the limit is back",
        lambda: running.api.inspect_container(container)["HostConfig"]["Memory"] == 64 * 1024 * 1024,
    )
