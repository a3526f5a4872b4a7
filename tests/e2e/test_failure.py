"""A bad version never replaces a good one: the gate, the way back, quarantine, and what is told about it."""

from __future__ import annotations

import pytest
from support.agent_process import AgentProcess, ConfigRepository, EngineSide, wait_for
from support.yaml_texts import web, workload

pytestmark = [pytest.mark.engine, pytest.mark.timeout(120)]

QUICK = {"port": 8080, "healthcheck": {"http": "/", "interval": "500ms", "retries": 2, "start_period": "1s"}}


def test_a_version_that_exits_is_rolled_back_and_quarantined_with_its_last_words(
    agent: AgentProcess, repository: ConfigRepository, engine: EngineSide, web_images: dict[str, str]
) -> None:
    repository.commit({"workloads/web.yaml": workload("web", web_images["one"], QUICK)})
    agent.start()
    agent.wait_phase("web", "Synced")
    good = engine.only("web")["Id"]
    revision = repository.commit({"workloads/web.yaml": workload("web", web_images["exits"], QUICK)})
    degraded = agent.wait_phase("web", "Degraded", revision=revision)
    assert degraded["reason"] == "Quarantined"
    assert engine.only("web")["Id"] == good
    assert engine.only("web")["State"] == "running"
    failure = next(event for event in agent.events(workload="web") if event["severity"] == "error")
    assert failure["reason"] in ("ContainerExited", "CrashLoop")
    assert "cannot read settings" in str(failure["data"]["logs"])
    assert failure["data"]["exit_code"] == 1


def test_a_version_that_never_answers_runs_out_of_time(
    agent: AgentProcess, repository: ConfigRepository, engine: EngineSide, web_images: dict[str, str]
) -> None:
    repository.commit({"workloads/web.yaml": workload("web", web_images["one"], QUICK)})
    agent.start()
    agent.wait_phase("web", "Synced")
    revision = repository.commit({"workloads/web.yaml": workload("web", web_images["silent"], QUICK)})
    agent.wait_phase("web", "Degraded", revision=revision)
    failure = agent.events("HealthTimeout", "web")[0]
    assert "warming up" in str(failure["data"]["logs"])
    assert [one["Image"] for one in engine.running("web")] == [web_images["one"]]


def test_a_quarantined_version_is_not_tried_again_even_by_a_new_agent_until_a_commit(
    agent: AgentProcess, repository: ConfigRepository, engine: EngineSide, web_images: dict[str, str]
) -> None:
    repository.commit({"workloads/web.yaml": workload("web", web_images["one"], QUICK)})
    agent.start()
    agent.wait_phase("web", "Synced")
    revision = repository.commit({"workloads/web.yaml": workload("web", web_images["exits"], QUICK)})
    agent.wait_phase("web", "Degraded", revision=revision)
    assert agent.stop() == 0
    agent.start()
    agent.wait_phase("web", "Degraded", revision=revision)
    tries = agent.events("ContainerExited", "web") + agent.events("CrashLoop", "web")
    assert len(tries) == 1
    revision = repository.commit({}, "try again\n\nPierhead-Retry: web")
    wait_for(
        "it was tried once more",
        lambda: len(agent.events("ContainerExited", "web") + agent.events("CrashLoop", "web")) == 2,
    )
    agent.wait_phase("web", "Degraded", revision=revision)
    assert agent.stop() == 0
    agent.start()
    agent.wait_phase("web", "Degraded", revision=revision)
    assert len(agent.events("ContainerExited", "web") + agent.events("CrashLoop", "web")) == 2, "asked for once"
    revision = repository.commit({"workloads/web.yaml": workload("web", web_images["two"], QUICK)})
    agent.wait_phase("web", "Synced", revision=revision)


def test_a_first_version_that_fails_leaves_nothing_behind_and_says_failed(
    agent: AgentProcess, repository: ConfigRepository, engine: EngineSide, web_images: dict[str, str]
) -> None:
    repository.commit({"workloads/web.yaml": workload("web", web_images["exits"], QUICK)})
    agent.start()
    agent.wait_phase("web", "Failed")
    assert engine.containers("web") == []


def test_one_failing_workload_does_not_delay_another(
    agent: AgentProcess, repository: ConfigRepository, engine: EngineSide, web_images: dict[str, str]
) -> None:
    patient = QUICK | {"healthcheck": {"http": "/", "interval": "5s", "retries": 3, "start_period": "20s"}}
    files = {f"workloads/slow-{n}.yaml": workload(f"slow-{n}", web_images["silent"], patient) for n in range(2)}
    repository.commit(files | {"workloads/web.yaml": web("web", web_images["one"])})
    agent.start()
    agent.wait_phase("web", "Synced", timeout=10)
    assert agent.workload("slow-0")["phase"] == "Progressing"


def test_a_newer_commit_overtakes_the_wait_for_the_older_ones_health(
    agent: AgentProcess, repository: ConfigRepository, engine: EngineSide, web_images: dict[str, str]
) -> None:
    patient = QUICK | {"healthcheck": {"http": "/", "interval": "5s", "retries": 6, "start_period": "60s"}}
    repository.commit({"workloads/web.yaml": workload("web", web_images["one"], patient)})
    agent.start()
    agent.wait_phase("web", "Synced")
    repository.commit({"workloads/web.yaml": workload("web", web_images["silent"], patient)})
    wait_for(
        "the silent one runs", lambda: [one for one in engine.running("web") if one["Image"] == web_images["silent"]]
    )
    revision = repository.commit({"workloads/web.yaml": workload("web", web_images["two"], patient)})
    agent.wait_phase("web", "Synced", timeout=20, revision=revision)
    assert engine.only("web")["Image"] == web_images["two"]
    assert agent.events("Superseded", "web")


def test_of_commits_that_come_while_a_deploy_is_busy_the_newest_is_deployed(
    agent: AgentProcess, repository: ConfigRepository, engine: EngineSide, web_images: dict[str, str]
) -> None:
    repository.commit({"workloads/web.yaml": web("web", web_images["one"])})
    agent.start()
    agent.wait_phase("web", "Synced")
    for number in range(8):
        revision = repository.commit({"workloads/web.yaml": web("web", web_images["two"], env={"N": str(number)})})
    agent.wait_phase("web", "Synced", revision=revision)
    found = engine.api.inspect_container(engine.only("web")["Id"])
    assert "N=7" in found["Config"]["Env"]
    assert found["Config"]["Labels"]["pierhead.revision"] == revision


def test_a_missing_image_keeps_the_old_version_and_is_tried_again(
    agent: AgentProcess, repository: ConfigRepository, engine: EngineSide, web_images: dict[str, str]
) -> None:
    repository.commit({"workloads/web.yaml": web("web", web_images["one"])})
    agent.start()
    agent.wait_phase("web", "Synced")
    missing = "127.0.0.1:9/ph-test/none:1"
    repository.commit({"workloads/web.yaml": web("web", missing)})
    degraded = agent.wait_phase("web", "Degraded")
    assert degraded["reason"] == "BackingOff"
    assert degraded["until"]
    assert missing in degraded["message"]
    assert [one["Image"] for one in engine.running("web")] == [web_images["one"]]


def test_a_taken_port_is_told_and_taken_over_when_it_is_free(
    agent: AgentProcess, repository: ConfigRepository, engine: EngineSide, web_images: dict[str, str]
) -> None:
    api = engine.api
    port = agent.port + 1 if agent.port < 65000 else agent.port - 1
    config = api.create_host_config(port_bindings={8080: ("127.0.0.1", port)})
    foreign = api.create_container(web_images["one"], name=f"taker-{agent.host}", ports=[8080], host_config=config)
    api.start(foreign["Id"])
    try:
        repository.commit({"workloads/web.yaml": web("web", web_images["one"], publish=[f"127.0.0.1:{port}:8080"])})
        agent.start()
        failure = wait_for("the port is told", lambda: agent.events("PortTaken", "web"))[0]
        assert str(port) in failure["message"]
    finally:
        api.remove_container(foreign["Id"], force=True)
    agent.wait_phase("web", "Synced", timeout=40)
