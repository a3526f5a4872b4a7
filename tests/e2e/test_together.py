"""Several containers of one workload, workloads that need one another, and several hosts on one repository."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.agent_process import AgentProcess, ConfigRepository, EngineSide, wait_for
from support.git_server import git
from support.yaml_texts import web, workload

pytestmark = [pytest.mark.engine, pytest.mark.timeout(120)]


def tag_of(image: str) -> str:
    return image.rpartition(":")[2]


def test_replicas_are_deployed_replaced_and_scaled_together(
    agent: AgentProcess, repository: ConfigRepository, engine: EngineSide, web_images: dict[str, str]
) -> None:
    repository.commit({"workloads/web.yaml": web("web", web_images["one"], {"replicas": 2})})
    agent.start()
    agent.wait_phase("web", "Synced")
    first = {one["Id"] for one in engine.running("web")}
    assert len(first) == 2
    revision = repository.commit({"workloads/web.yaml": web("web", web_images["one"], {"replicas": 3})})
    agent.wait_phase("web", "Synced", revision=revision)
    grown = {one["Id"] for one in engine.running("web")}
    assert len(grown) == 3
    assert first < grown, "those that ran before stay"
    revision = repository.commit({"workloads/web.yaml": web("web", web_images["two"], {"replicas": 1})})
    agent.wait_phase("web", "Synced", revision=revision)
    assert engine.only("web")["Image"] == web_images["two"]


def test_tags_run_side_by_side_and_the_oldest_makes_way(
    agent: AgentProcess, repository: ConfigRepository, engine: EngineSide, web_images: dict[str, str]
) -> None:
    one, two, three = (tag_of(web_images[name]) for name in ("one", "two", "three"))

    def text(*tags: str) -> str:
        return web("web", web_images["one"], {"tags": list(tags), "max_instances": 2}).replace(f'"tag": "{one}", ', "")

    repository.commit({"workloads/web.yaml": text(two, one)})
    agent.start()
    agent.wait_phase("web", "Synced")
    before = {tag_of(each["Image"]): each["Id"] for each in engine.running("web")}
    assert set(before) == {one, two}
    revision = repository.commit({"workloads/web.yaml": text(three, two, one)})
    agent.wait_phase("web", "Synced", revision=revision)
    after = {tag_of(each["Image"]): each["Id"] for each in engine.containers("web")}
    assert set(after) == {two, three}
    assert after[two] == before[two], "an instance that stays is not touched"


def test_a_workload_waits_for_what_it_depends_on(
    agent: AgentProcess, repository: ConfigRepository, engine: EngineSide, web_images: dict[str, str]
) -> None:
    late = {"command": ["sh", "-c", "while ! test -e /tmp/ready; do sleep 0.1; done; httpd -f -p 8080 -h /www"]}
    late |= {"healthcheck": {"http": "/", "interval": "1s", "retries": 3, "start_period": "60s"}}
    repository.commit(
        {
            "workloads/app.yaml": workload("app", web_images["busybox"], depends_on=["db"]),
            "workloads/db.yaml": web("db", web_images["one"], late),
        }
    )
    agent.start()
    waiting = agent.wait_phase("app", "Waiting")
    assert waiting["reason"] == "DependencyNotReady"
    assert "db" in waiting["message"]
    wait_for("db runs", lambda: engine.running("db"))
    assert not engine.containers("app")
    engine.api.exec_start(engine.api.exec_create(engine.only("db")["Id"], ["touch", "/tmp/ready"]))
    agent.wait_phase("db", "Synced")
    agent.wait_phase("app", "Synced")
    assert engine.running("app")


def test_who_joins_a_network_is_made_again_when_its_owner_is(
    agent: AgentProcess, repository: ConfigRepository, engine: EngineSide, web_images: dict[str, str]
) -> None:
    joined = {"networks": ["workload:web"]}
    repository.commit(
        {
            "workloads/web.yaml": web("web", web_images["one"]),
            "workloads/side.yaml": workload("side", web_images["busybox"], joined),
        }
    )
    agent.start()
    agent.wait_phase("side", "Synced")
    assert joins(engine) == engine.only("web")["Id"]
    revision = repository.commit({"workloads/web.yaml": web("web", web_images["two"])})
    agent.wait_phase("web", "Synced", revision=revision)
    wait_for("it joined the new owner", lambda: joins(engine) == engine.only("web")["Id"])
    agent.wait_phase("side", "Synced")
    engine.api.remove_container(engine.only("web")["Id"], force=True)
    wait_for("there is an owner again", lambda: engine.running("web"))
    wait_for("it joined the owner that was made anew", lambda: joins(engine) == engine.only("web")["Id"])
    agent.wait_phase("side", "Synced")


def joins(engine: EngineSide) -> str | None:
    """The container whose network the one container of `side` uses; None while it is being replaced."""
    running = engine.running("side")
    if len(running) != 1 or len(engine.containers("web")) != 1:
        return None
    return str(running[0]["HostConfig"]["NetworkMode"]).removeprefix("container:")


def test_several_hosts_read_one_repository_and_each_runs_its_own(
    make_agent: Callable[..., AgentProcess], repository: ConfigRepository, web_images: dict[str, str]
) -> None:
    """Both share this engine, on which container names are unique; so each has a workload of its own."""
    first, second = make_agent(repository.folder), make_agent(repository.folder)
    repository.commit(
        {
            "workloads/left.yaml": workload("left", web_images["busybox"], hosts=[first.host]),
            "workloads/right.yaml": workload("right", web_images["busybox"], hosts=[f"{second.host[:-1]}*"]),
        }
    )
    first.start()
    second.start()
    for agent, own, other in ((first, "left", "right"), (second, "right", "left")):
        agent.wait_phase(own, "Synced")
        assert not agent.workload(other)
        wait_for(
            f"{agent.host} wrote its own note",
            lambda host=agent.host: f"pierhead/{host}" in git(repository.folder, "for-each-ref", "--format=%(refname)"),
        )
        side = EngineSide(agent.host)
        assert {one["Labels"]["pierhead.workload"] for one in side.containers()} == {own}
        side.api.close()


def test_a_name_that_another_host_uses_is_told_and_its_container_left_alone(
    make_agent: Callable[..., AgentProcess], repository: ConfigRepository, web_images: dict[str, str]
) -> None:
    first, second = make_agent(repository.folder), make_agent(repository.folder)
    repository.commit({"workloads/app.yaml": workload("app", web_images["busybox"])})
    first.start()
    first.wait_phase("app", "Synced")
    side = EngineSide(first.host)
    before = side.only("app")["Id"]
    second.start()
    told = wait_for("the second tells it", lambda: second.events("NameTaken", "app"))[0]["message"]
    assert side.only("app")["Names"][0].removeprefix("/") in told
    assert [one["Id"] for one in side.running("app")] == [before]
    assert first.workload("app")["phase"] == "Synced"
    side.api.close()


def test_a_second_agent_with_the_same_host_name_refuses_to_start_and_says_who_has_it(
    make_agent: Callable[..., AgentProcess], repository: ConfigRepository, web_images: dict[str, str]
) -> None:
    first = make_agent(repository.folder)
    second = make_agent(repository.folder, host=first.host)
    repository.commit({"workloads/app.yaml": workload("app", web_images["busybox"])})
    first.start()
    first.wait_phase("app", "Synced")
    assert first.process is not None
    refused = second.run("run", timeout=60)
    assert refused.returncode != 0
    assert f"another agent drives this engine as host {first.host}" in refused.stderr
    assert f"process {first.process.pid} on" in refused.stderr
    assert "give this one another host name" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert first.workload("app")["phase"] == "Synced"
    assert first.stop() == 0
    second.start()
    second.wait_phase("app", "Synced")
    side = EngineSide(first.host)
    assert len(side.containers("app")) == 1, "it took over what the first had made"
    side.api.close()
