"""Commits become containers: first deploy, every kind of change, removal, renaming, suspension, invalid commits."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from support.agent_process import AgentProcess, ConfigRepository, EngineSide, wait_for
from support.git_server import git
from support.yaml_texts import web, workload

pytestmark = [pytest.mark.engine, pytest.mark.timeout(120)]


def body(engine: EngineSide, name: str) -> str:
    """What the workload's container answers."""
    networks = engine.only(name)["NetworkSettings"]["Networks"]
    address = next(iter(networks.values()))["IPAddress"]
    with urllib.request.urlopen(f"http://{address}:8080/", timeout=5) as answer:
        return answer.read().decode()


def inspected(engine: EngineSide, name: str) -> dict[str, Any]:
    return dict(engine.api.inspect_container(engine.only(name)["Id"]))


def test_a_commit_becomes_a_healthy_container_with_a_note_a_log_and_a_page(
    agent: AgentProcess, repository: ConfigRepository, engine: EngineSide, web_images: dict[str, str]
) -> None:
    revision = repository.commit({"workloads/web.yaml": web("web", web_images["one"])})
    agent.start()
    agent.wait_phase("web", "Synced", revision=revision)
    assert body(engine, "web") == "one"
    labels = engine.only("web")["Labels"]
    assert labels["pierhead.host"] == agent.host
    assert labels["pierhead.revision"] == revision
    assert labels["pierhead.role"] == "active"

    def noted() -> bool:
        shown = git(repository.folder, "log", "-1", "--notes=pierhead/*", "--format=%N")
        return '"Synced"' in shown

    wait_for("the status is a note under the commit", noted)
    wait_for(
        "the branch has the deploy in its event log",
        lambda: "Deployed" in git(repository.folder, "grep", "-h", "reason", f"pierhead/{agent.host}", "--", "events/"),
    )
    with urllib.request.urlopen(f"http://127.0.0.1:{agent.port}/", timeout=5) as page:
        assert "web" in page.read().decode()


def test_a_changed_tag_is_deployed_and_the_old_container_is_gone(
    agent: AgentProcess, repository: ConfigRepository, engine: EngineSide, web_images: dict[str, str]
) -> None:
    repository.commit({"workloads/web.yaml": web("web", web_images["one"])})
    agent.start()
    agent.wait_phase("web", "Synced")
    revision = repository.commit({"workloads/web.yaml": web("web", web_images["two"])})
    agent.wait_phase("web", "Synced", revision=revision)
    assert body(engine, "web") == "two"
    assert len(engine.containers()) == 1


CHANGES: dict[str, tuple[dict[str, Any], Callable[[dict[str, Any]], bool]]] = {
    "env": ({"env": {"LEVEL": "debug"}}, lambda found: "LEVEL=debug" in found["Config"]["Env"]),
    "limit": ({"source": {"memory_limit": "64MiB"}}, lambda found: found["HostConfig"]["Memory"] == 64 * 1024 * 1024),
    "user": ({"source": {"user": "65534"}}, lambda found: found["Config"]["User"] == "65534"),
    "volume": (
        {"volumes": [{"source": "cache", "target": "/cache", "scope": "ephemeral"}]},
        lambda found: [one["Type"] for one in found["Mounts"] if one["Destination"] == "/cache"] == ["tmpfs"],
    ),
}
"""What is changed, and whether the inspected container shows it."""


@pytest.mark.parametrize("name", CHANGES)
def test_any_effective_change_replaces_the_container(
    agent: AgentProcess, repository: ConfigRepository, engine: EngineSide, web_images: dict[str, str], name: str
) -> None:
    change, shows = CHANGES[name]
    repository.commit({"workloads/app.yaml": workload("app", web_images["busybox"])})
    agent.start()
    agent.wait_phase("app", "Synced")
    before = inspected(engine, "app")
    assert not shows(before)
    revision = repository.commit({"workloads/app.yaml": workload("app", web_images["busybox"], **change)})
    agent.wait_phase("app", "Synced", revision=revision)
    after = inspected(engine, "app")
    assert after["Id"] != before["Id"]
    assert shows(after)


def test_a_reformatted_repository_and_a_new_agent_leave_every_container_alone(
    agent: AgentProcess, repository: ConfigRepository, engine: EngineSide, web_images: dict[str, str]
) -> None:
    text = web("web", web_images["one"], env={"B": "2", "A": "1"})
    repository.commit({"workloads/web.yaml": text, "workloads/app.yaml": workload("app", web_images["busybox"])})
    agent.start()
    agent.wait_phase("web", "Synced")
    agent.wait_phase("app", "Synced")
    before = {one["Id"] for one in engine.containers()}
    lines = text.splitlines()
    reordered = "# a comment\n\n" + "\n".join([*lines[2:], *lines[:2]]) + "\n---\n"
    both = reordered + workload("app", web_images["busybox"])
    revision = repository.commit(
        {"workloads/web.yaml": None, "workloads/app.yaml": None, "workloads/moved/site.yml": both}
    )
    agent.wait_phase("web", "Synced", revision=revision)
    agent.wait_phase("app", "Synced", revision=revision)
    assert agent.stop() == 0
    agent.start()
    agent.wait_phase("web", "Synced", revision=revision)
    agent.wait_phase("app", "Synced", revision=revision)
    assert {one["Id"] for one in engine.containers()} == before
    assert len(agent.events("Deploying")) == 2, "each was deployed once, at first"


def test_a_changed_secret_replaces_what_uses_it_and_is_never_shown(
    agent: AgentProcess, repository: ConfigRepository, engine: EngineSide, web_images: dict[str, str]
) -> None:
    folder = agent.base / "secrets"
    folder.mkdir(parents=True)
    (folder / "token").write_text("planted-value-1\n")
    agent.settings["secrets"] = [{"kind": "files", "path": str(folder)}]
    repository.commit(
        {"workloads/app.yaml": workload("app", web_images["busybox"], env={"TOKEN": {"secret": "token"}})}
    )
    agent.start()
    agent.wait_phase("app", "Synced")
    assert "TOKEN=planted-value-1" in inspected(engine, "app")["Config"]["Env"]
    before = engine.only("app")["Id"]
    (folder / "token").write_text("planted-value-2\n")
    wait_for(
        "the container has the new value", lambda: [one["Id"] for one in engine.running("app")] not in ([], [before])
    )
    agent.wait_phase("app", "Synced")
    assert "TOKEN=planted-value-2" in inspected(engine, "app")["Config"]["Env"]


def test_an_invalid_commit_leaves_the_workload_running_and_the_others_go_on(
    agent: AgentProcess, repository: ConfigRepository, engine: EngineSide, web_images: dict[str, str]
) -> None:
    good = web("web", web_images["one"])
    repository.commit({"workloads/web.yaml": good, "workloads/app.yaml": workload("app", web_images["busybox"])})
    agent.start()
    agent.wait_phase("web", "Synced")
    agent.wait_phase("app", "Synced")
    before = engine.only("web")["Id"]
    revision = repository.commit(
        {
            "workloads/web.yaml": good + "sourse: {}\n",
            "workloads/app.yaml": workload("app", web_images["busybox"], env={"A": "1"}),
        }
    )
    agent.wait_phase("web", "Invalid", revision=revision)
    agent.wait_phase("app", "Synced", revision=revision)
    assert engine.only("web")["Id"] == before
    problems = agent.get("/api/v1/problems")
    assert "sourse" in str(problems)
    line = len(good.splitlines()) + 1
    told = agent.events("DocumentProblem", "web")[0]["message"]
    assert told.startswith(f"workloads/web.yaml:{line}:1: "), told


def test_a_commit_in_which_nothing_can_be_read_changes_nothing(
    agent: AgentProcess, repository: ConfigRepository, engine: EngineSide, web_images: dict[str, str]
) -> None:
    repository.commit({"workloads/web.yaml": web("web", web_images["one"])})
    agent.start()
    agent.wait_phase("web", "Synced")
    repository.commit({"workloads/web.yaml": "kind: [Workload\n"})
    wait_for("the agent says so", lambda: agent.events("NothingReadable"))
    assert len(engine.running("web")) == 1


def test_a_removed_workload_is_removed_and_its_volume_is_kept_and_named(
    agent: AgentProcess, repository: ConfigRepository, engine: EngineSide, web_images: dict[str, str]
) -> None:
    volumes = [
        {"source": "data", "target": "/data", "scope": "project"},
        {"source": f"cache-{agent.host}", "target": "/cache", "scope": "project_named"},
    ]
    repository.commit(
        {
            "workloads/app.yaml": workload("app", web_images["busybox"], volumes=volumes),
            "workloads/web.yaml": web("web", web_images["one"]),
        }
    )
    agent.start()
    agent.wait_phase("app", "Synced")
    repository.commit({"workloads/app.yaml": None})
    wait_for("the container is gone", lambda: not engine.containers("app"))
    kept = wait_for("an event names what was kept", lambda: agent.events("VolumesKept", "app"))
    assert f"cache-{agent.host}" in kept[0]["message"]
    assert "/data" in kept[0]["message"]
    volume_names = [one["Name"] for one in engine.api.volumes()["Volumes"]]
    assert any(f"cache-{agent.host}" in name for name in volume_names)
    assert agent.workload("web")["phase"] == "Synced"


def test_a_renamed_workload_with_its_id_keeps_its_data(
    agent: AgentProcess, repository: ConfigRepository, engine: EngineSide, web_images: dict[str, str]
) -> None:
    volumes = [{"source": "data", "target": "/data", "scope": "project"}]
    repository.commit({"workloads/a.yaml": workload("old-name", web_images["busybox"], id="3f9a2c71", volumes=volumes)})
    agent.start()
    agent.wait_phase("old-name", "Synced")
    exec_id = engine.api.exec_create(engine.only("old-name")["Id"], ["sh", "-c", "echo kept > /data/file"])
    engine.api.exec_start(exec_id)
    repository.commit({"workloads/a.yaml": workload("new-name", web_images["busybox"], id="3f9a2c71", volumes=volumes)})
    agent.wait_phase("new-name", "Synced")
    assert not engine.containers("old-name")
    exec_id = engine.api.exec_create(engine.only("new-name")["Id"], ["cat", "/data/file"])
    assert engine.api.exec_start(exec_id) == b"kept\n"


def test_a_suspended_workload_is_left_as_it_is(
    agent: AgentProcess, repository: ConfigRepository, engine: EngineSide, web_images: dict[str, str]
) -> None:
    repository.commit({"workloads/web.yaml": web("web", web_images["one"])})
    agent.start()
    agent.wait_phase("web", "Synced")
    before = engine.only("web")["Id"]
    revision = repository.commit({"workloads/web.yaml": web("web", web_images["two"], suspend=True)})
    agent.wait_phase("web", "Suspended", revision=revision)
    engine.api.kill(before)
    wait_for("the engine says it is dead", lambda: engine.only("web")["State"] == "exited")
    assert agent.wait_phase("web", "Suspended")["phase"] == "Suspended"
    assert engine.only("web")["Id"] == before
