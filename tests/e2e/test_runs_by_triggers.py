"""One-off containers that triggers start: they overlap only where allowed, end in time, and tell how they ended."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.agent_process import AgentProcess, wait_for
from support.trigger_parts import SECRET, Scene, address, hook, wait_settled
from support.webhooks import bearer, post
from support.yaml_texts import workload

pytestmark = [pytest.mark.engine, pytest.mark.timeout(120)]


def job(image: str, script: str, **run: Any) -> str:
    """A workload that only runs when it is asked to."""
    asked = hook(action="run", run={"command": ["sh", "-c", script], **run})
    return workload("job", image, {"pull": "never", "replicas": 0}, triggers=[asked])


def fire(agent: AgentProcess) -> None:
    assert post(address(agent, "job.1"), b"", bearer(SECRET))[0] == 202


def history(agent: AgentProcess) -> list[dict[str, Any]]:
    """The runs of the workload, oldest first."""
    found = (agent.get("/api/v1/workloads/job") or {}).get("runs", [])
    return sorted(found, key=lambda one: one["id"])


def test_a_run_that_fails_tells_its_exit_code_and_last_lines_but_no_secret(scene: Scene) -> None:
    agent, repository, engine, images = scene
    (agent.base / "secrets" / "token").write_text("very-secret-token")
    script = "seq 1 90; sleep 0.2; echo logging in with $TOKEN; echo no such table >&2; exit 3"
    document = job(images["busybox"], script) + 'env: {"TOKEN": {"secret": "token"}}\n'
    repository.commit({"workloads/job.yaml": document})
    agent.start().wait_phase("job", "Synced")
    fire(agent)
    told = wait_for("the failure is told", lambda: agent.events("RunFailed", "job"))[0]
    assert told["data"]["exit_code"] == 3
    lines = set(told["data"]["logs"])  # the engine keeps no order between the two outputs
    assert {"90", "logging in with ***", "no such table"} <= lines
    assert "1" not in lines, "only the last ones are told"
    [run] = history(agent)
    assert (run["state"], run["exit_code"], run["lines"]) == ("failed", 3, told["data"]["logs"])
    said = json.dumps([agent.events(), history(agent), agent.get("/api/v1/status")]) + agent.tail()
    assert "very-secret-token" not in said
    wait_for("its container goes", lambda: engine.containers("job") == [])
    assert agent.workload("job")["phase"] == "Synced", "a run that failed says nothing about the workload"


def test_a_run_does_not_overlap_itself_and_ends_at_its_limit(scene: Scene) -> None:
    agent, repository, engine, images = scene
    repository.commit({"workloads/job.yaml": job(images["busybox"], "echo begun; sleep 600", timeout="4s")})
    agent.start().wait_phase("job", "Synced")
    fire(agent)
    wait_for("it runs", lambda: [one["state"] for one in history(agent)] == ["running"])
    fire(agent)
    skipped = wait_for("the second is skipped", lambda: agent.events("RunSkipped", "job"))
    assert "is not over yet" in skipped[0]["message"]
    wait_for("the end", lambda: [one["state"] for one in history(agent)] == ["timed_out", "skipped"])
    [told] = agent.events("RunFailed", "job")
    assert "longer than its limit of 4 s" in told["message"]
    assert told["data"]["logs"] == ["begun"]
    wait_for("its container goes", lambda: engine.containers("job") == [])
    fire(agent)
    wait_for("it may run again", lambda: [one["state"] for one in history(agent)][2:] == ["running"])


def test_a_run_outlives_the_agent_and_is_settled_once(scene: Scene) -> None:
    agent, repository, engine, images = scene
    script = "echo $$ once; while ! test -e /tmp/enough; do sleep 0.1; done; echo done"
    repository.commit({"workloads/job.yaml": job(images["busybox"], script)})
    agent.start().wait_phase("job", "Synced")
    fire(agent)
    wait_for("it runs", lambda: engine.running("job"))
    agent.kill()
    container = engine.only("job")["Id"]
    agent.start()
    wait_for("the agent knows it", lambda: [one["state"] for one in history(agent)] == ["running"])
    agent.kill()
    engine.api.exec_start(engine.api.exec_create(container, ["touch", "/tmp/enough"]))
    wait_for("it ends while nobody looks", lambda: engine.running("job") == [])
    agent.start()
    wait_for("the end is known", lambda: [one["state"] for one in history(agent)] == ["succeeded"])
    wait_for("its container goes", lambda: engine.containers("job") == [])
    wait_settled(agent)
    told = [one["reason"] for one in agent.events(workload="job") if one["reason"].startswith("Run")]
    assert told == ["RunStarted", "RunSucceeded"]
    assert history(agent)[0]["lines"][-1] == "done"
