"""A registry or a git server that goes away loses nothing: what served serves on, and what waits is done afterwards."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import docker.errors
import pytest
from support.agent_process import AgentProcess, ConfigRepository, EngineSide, free_port, wait_for
from support.git_server import GitServer, git
from support.registry import PASSWORD, USERNAME, Registry, registry
from support.yaml_texts import web

pytestmark = [pytest.mark.engine, pytest.mark.timeout(120)]

PORT = free_port()


@pytest.fixture
def client() -> Iterator[Any]:
    """The engine; images of the test's registry are removed from it in the end."""
    found: Any = docker.APIClient(version="auto", timeout=60)
    yield found
    for image in found.images():
        for tag in image.get("RepoTags") or ():
            if tag.startswith(f"127.0.0.1:{PORT}/"):
                found.remove_image(tag, noprune=True)
    found.close()


@pytest.fixture
def side(agent: AgentProcess, engine: EngineSide, client: Any) -> EngineSide:
    """The engine, and an agent that knows the password of the registry."""
    assert client.ping()
    folder = agent.base / "secrets"
    folder.mkdir(parents=True)
    (folder / "registry").write_text(PASSWORD)
    agent.settings["secrets"] = [{"kind": "files", "path": str(folder)}]
    return engine


@pytest.mark.program("docker-registry")
def test_a_registry_that_is_away_delays_a_deploy_and_nothing_else(
    agent: AgentProcess, repository: ConfigRepository, side: EngineSide, web_images: dict[str, str], tmp_path: Path
) -> None:
    login = {"kind": "Registry", "name": "own", "host": f"127.0.0.1:{PORT}", "username": USERNAME}
    login |= {"password": {"secret": "registry"}}

    def document(tag: str) -> str:
        return web("web", f"shop/web:{tag}", {"registry": "own"})

    with registry(tmp_path / "registry", PORT) as served:
        first, second = push_both(served, side.api, web_images)
        repository.commit({"registries/own.yaml": json.dumps(login), "workloads/web.yaml": document("1")})
        agent.start()
        agent.wait_phase("web", "Synced")
        assert side.only("web")["Image"] == first
    before = side.only("web")["Id"]
    revision = repository.commit({"workloads/web.yaml": document("2")})
    degraded = agent.wait_phase("web", "Degraded", revision=revision)
    assert degraded["reason"] == "BackingOff"
    assert second in degraded["message"]
    assert [one["Id"] for one in side.running("web")] == [before]
    with registry(tmp_path / "registry", PORT):
        agent.wait_phase("web", "Synced", timeout=60, revision=revision)
        assert side.only("web")["Image"] == second
    assert PASSWORD not in agent.tail() + json.dumps(agent.events())


def push_both(served: Registry, client: Any, web_images: dict[str, str]) -> tuple[str, str]:
    first = served.push(client, web_images["one"], "shop/web:1")
    return first, served.push(client, web_images["two"], "shop/web:2")


def test_while_the_git_server_is_away_the_engine_is_kept_right_and_all_of_it_is_told_afterwards(
    make_agent: Callable[..., AgentProcess], web_images: dict[str, str], tmp_path: Path
) -> None:
    with GitServer(tmp_path / "served", username="pierhead", password="git-password") as server:
        remote = server.create("config")
        config = ConfigRepository.create(tmp_path / "work", server.url("config", login=True))
        revision = config.commit({"workloads/web.yaml": web("web", web_images["one"])})
        agent = make_agent(server.url("config"))
        (tmp_path / "secrets").mkdir()
        (tmp_path / "secrets" / "git").write_text("git-password")
        agent.settings |= {
            "secrets": [{"kind": "files", "path": str(tmp_path / "secrets")}],
            "repo": {"interval": "1s", "username": "pierhead", "password": {"secret": "git"}},
        }
        agent.start()
        agent.wait_phase("web", "Synced", revision=revision)
        wait_for("the deploy is told", lambda: "Deployed" in told(remote, agent))
        server.stop()
        wait_for("the outage is seen", lambda: agent.events("RepositoryUnreachable"))
        side = EngineSide(agent.host)
        side.api.kill(side.only("web")["Id"])
        wait_for("it is repaired meanwhile", lambda: agent.events("Repaired", "web"))
        agent.wait_phase("web", "Synced")
        side.api.close()
        assert agent.stop() == 0, "an end without the remote is an orderly end"
        agent.start()
        agent.wait_phase("web", "Synced")
        assert "Repaired" not in told(remote, agent)
        server.start()
        wait_for("all of it is told", lambda: {"Repaired", "AgentStopping"} <= set(told(remote, agent)), timeout=60)
        reasons = told(remote, agent)
        assert reasons.count("Deployed") == reasons.count("Repaired") == 1
        assert reasons.index("Deployed") < reasons.index("Repaired") < reasons.index("AgentStopping")
        revision = config.commit({"workloads/web.yaml": web("web", web_images["two"])})
        agent.wait_phase("web", "Synced", timeout=60, revision=revision)


def told(remote: Path, agent: AgentProcess) -> list[str]:
    """The reasons of all events on the host's branch, in their order."""
    branch = f"pierhead/{agent.host}"
    if not git(remote, "for-each-ref", f"refs/heads/{branch}"):
        return []
    names = git(remote, "ls-tree", "-r", "--name-only", branch, "events/").splitlines()
    lines = [line for name in sorted(names) for line in git(remote, "show", f"{branch}:{name}").splitlines()]
    return [json.loads(line)["reason"] for line in lines]
