"""`pierhead plan` and `once` on the real engine: what they show, what they change, and what they leave alone."""

from __future__ import annotations

import json

import pytest
from support.agent_process import AgentProcess, ConfigRepository, EngineSide
from support.git_server import git
from support.yaml_texts import web

pytestmark = [pytest.mark.engine, pytest.mark.timeout(120)]


def test_once_brings_everything_to_rest_and_says_so_in_git(
    agent: AgentProcess, repository: ConfigRepository, engine: EngineSide, web_images: dict[str, str]
) -> None:
    repository.commit({"workloads/web.yaml": web("web", web_images["one"])})
    done = agent.run("once")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("web: Synced")
    assert len(engine.running("web")) == 1
    assert "Deployed" in git(repository.folder, "grep", "-h", "reason", f"pierhead/{agent.host}", "--", "events/")
    before = engine.only("web")["Id"]
    assert agent.run("once").returncode == 0
    assert engine.only("web")["Id"] == before


def test_once_exits_1_when_a_workload_is_not_well(
    agent: AgentProcess, repository: ConfigRepository, engine: EngineSide, web_images: dict[str, str]
) -> None:
    repository.commit({"workloads/web.yaml": web("web", web_images["exits"])})
    done = agent.run("once")
    assert done.returncode == 1
    assert "web: Failed" in done.stdout
    assert engine.running("web") == []


def test_plan_shows_what_a_pass_would_do_and_does_nothing(
    agent: AgentProcess, repository: ConfigRepository, engine: EngineSide, web_images: dict[str, str]
) -> None:
    repository.commit({"workloads/web.yaml": web("web", web_images["one"])})
    done = agent.run("plan", "--exit-code")
    assert done.returncode == 2, done.stderr
    assert web_images["one"] in done.stdout
    assert engine.containers() == []
    assert not agent.data_dir.exists()
    assert agent.run("once").returncode == 0
    done = agent.run("plan", "--exit-code", "--format", "json")
    assert done.returncode == 0, done.stdout
    (plan,) = json.loads(done.stdout)
    assert (plan["workload"], plan["steps"]) == ("web", [])


def test_plan_beside_a_running_agent_leaves_no_trace(
    agent: AgentProcess, repository: ConfigRepository, engine: EngineSide, web_images: dict[str, str]
) -> None:
    revision = repository.commit({"workloads/web.yaml": web("web", web_images["one"])})
    agent.start()
    agent.wait_phase("web", "Synced", revision=revision)
    before = [event["id"] for event in agent.events()]
    files = sorted(path for path in agent.data_dir.rglob("*") if "journal" not in path.name)
    done = agent.run("plan", "--exit-code")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [event["id"] for event in agent.events()] == before
    assert sorted(path for path in agent.data_dir.rglob("*") if "journal" not in path.name) == files
    assert len(engine.running("web")) == 1


def test_plan_between_commits_needs_no_engine_and_tells_all_hosts(
    repository: ConfigRepository, agent: AgentProcess, web_images: dict[str, str]
) -> None:
    one = {"workloads/web.yaml": web("web", web_images["one"], hosts=["berlin"])}
    repository.commit(one | {"workloads/api.yaml": web("api", web_images["one"], hosts=["paris-*"])})
    repository.commit({"workloads/web.yaml": web("web", web_images["two"], hosts=["berlin"])})
    agent.environment = {"DOCKER_HOST": "unix:///nowhere.sock"}
    flags = ("--from", "HEAD~1", "--repo", str(repository.folder), "--exit-code")
    done = agent.run("plan", *flags)
    assert done.returncode == 2, done.stderr
    assert web_images["two"] in done.stdout
    assert "api: Converged" in done.stdout
    elsewhere = agent.run("plan", *flags, "--host", "paris-1")
    assert elsewhere.returncode == 0
    assert "web" not in elsewhere.stdout
