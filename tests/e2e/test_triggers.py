"""A push to a registry becomes a commit becomes a deploy, and everything else that may fire does what it says."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import docker.errors
import pytest
from support.agent_process import AgentProcess, ConfigRepository, EngineSide, free_port, wait_for
from support.git_server import git
from support.registry import PASSWORD, USERNAME, registry
from support.webhooks import bearer, github_push, post, pushed_image, signed

pytestmark = [pytest.mark.engine, pytest.mark.timeout(180)]

SECRET = "a webhook secret nobody knows"


@pytest.fixture
def secrets_of(agent: AgentProcess) -> AgentProcess:
    """The agent with a folder of secrets."""
    folder = agent.base / "secrets"
    folder.mkdir(parents=True)
    (folder / "registry").write_text(PASSWORD)
    (folder / "hook").write_text(SECRET)
    agent.settings["secrets"] = [{"kind": "files", "path": str(folder)}]
    return agent


@pytest.fixture
def pushed(engine: EngineSide) -> Iterator[list[str]]:
    """References of a registry that goes away; what the engine still has of them is removed in the end."""
    references: list[str] = []
    yield references
    client: Any = docker.APIClient(version="auto", timeout=60)
    for reference in references:
        for one in client.containers(all=True, filters={"ancestor": reference}):
            client.remove_container(one["Id"], force=True)
        try:
            client.remove_image(reference, noprune=True, force=True)
        except docker.errors.ImageNotFound:
            continue
    client.close()


def workload(name: str, image: str, tag: str, triggers: list[dict[str, Any]], **source: Any) -> str:
    """A workload document as somebody would write it, comments included."""
    more = "".join(f"  {key}: {json.dumps(value)}\n" for key, value in source.items())
    bindings = "".join(f"  - {json.dumps(one)}\n" for one in triggers)
    return (
        f"# {name}, kept by hand\nkind: Workload\nname: {name}\nsource:\n  kind: image\n"
        f'  image: {image}   # where it comes from\n  tag: "{tag}"      # the pin\n{more}'
        f"triggers:\n{bindings}"
    )


def login(port: int) -> str:
    document = {"kind": "Registry", "name": "own", "host": f"127.0.0.1:{port}", "username": USERNAME}
    return json.dumps(document | {"password": {"secret": "registry"}})


def trigger(name: str, **signal: Any) -> str:
    return json.dumps({"kind": "Trigger", "name": name, "signal": signal})


def replaced(engine: EngineSide, workload_name: str, before: str) -> bool:
    """Whether another container than before is the only one of a workload, and runs."""
    found = engine.containers(workload_name)
    return len(found) == 1 and found[0]["State"] == "running" and found[0]["Id"] != before


def subjects(repository: ConfigRepository) -> list[str]:
    """Subjects of all commits on the config branch, oldest first."""
    return git(repository.folder, "log", "--reverse", "--format=%s", "main").splitlines()


@pytest.mark.program("docker-registry")
def test_a_pushed_image_is_notified_committed_and_deployed(
    secrets_of: AgentProcess,
    repository: ConfigRepository,
    engine: EngineSide,
    web_images: dict[str, str],
    pushed: list[str],
    tmp_path: Path,
) -> None:
    agent, port = secrets_of, free_port()
    told = (f"http://127.0.0.1:{agent.port}/webhook/pushes", SECRET)
    with registry(tmp_path / "registry", port, tell=told) as served:
        pushed.append(served.push(engine.api, web_images["one"], "shop/web:1.0.0"))
        binding = {"trigger": "pushes", "with": {"tag_pattern": "^1\\."}}
        repository.commit(
            {
                "registries/own.yaml": login(port),
                "triggers/pushes.yaml": trigger(
                    "pushes", kind="webhook", vendor="distribution", auth="token", secret={"secret": "hook"}
                ),
                "workloads/web.yaml": workload("web", f"127.0.0.1:{port}/shop/web", "1.0.0", [binding], port=8080),
            }
        )
        agent.start().wait_phase("web", "Synced")
        pushed.append(served.push(engine.api, web_images["two"], "shop/web:1.1.0"))
        wait_for("the new container", lambda: [one["Image"] for one in engine.running("web")] == [pushed[1]])
        agent.wait_phase("web", "Synced")
    assert subjects(repository)[1:] == [f"web: 127.0.0.1:{port}/shop/web 1.0.0 → 1.1.0"]
    difference = git(repository.folder, "show", "--format=", "--unified=0", "main").splitlines()[5:]
    assert difference == ['-  tag: "1.0.0"      # the pin', '+  tag: "1.1.0"      # the pin']
    message = git(repository.folder, "log", "-1", "--format=%B", "main")
    assert "Pierhead-Trigger: pushes" in message
    assert f"Pierhead-Host: {agent.host}" in message
    assert git(repository.folder, "status", "--porcelain") == ""
    deliveries = agent.get("/api/v1/deliveries")["deliveries"]
    assert {one["outcome"] for one in deliveries} <= {"accepted", "ignored", "duplicate"}
    assert SECRET not in json.dumps(deliveries) + agent.tail() + json.dumps(agent.events())


@pytest.mark.program("docker-registry")
def test_without_a_webhook_the_registry_is_looked_at(
    secrets_of: AgentProcess,
    repository: ConfigRepository,
    engine: EngineSide,
    web_images: dict[str, str],
    pushed: list[str],
    tmp_path: Path,
) -> None:
    agent, port = secrets_of, free_port()
    image = f"127.0.0.1:{port}/shop/web"
    with registry(tmp_path / "registry", port) as served:
        pushed.append(served.push(engine.api, web_images["one"], "shop/web:1.0.0"))
        watch = {"kind": "registry", "image": image, "registry": "own", "interval": "10s", "policy": {"semver": "^1"}}
        repository.commit(
            {
                "registries/own.yaml": login(port),
                "workloads/web.yaml": workload("web", image, "1.0.0", [watch], port=8080),
            }
        )
        agent.start().wait_phase("web", "Synced")
        for tag, made in (("2.0.0", "three"), ("1.2.0", "two"), ("1.3.0-rc.1", "three")):
            pushed.append(served.push(engine.api, web_images[made], f"shop/web:{tag}"))
        wait_for("the new container", lambda: [one["Image"] for one in engine.running("web")] == [f"{image}:1.2.0"], 40)
    assert subjects(repository)[1:] == [f"web: {image} 1.0.0 → 1.2.0"]


def test_one_webhook_serves_many_bindings_and_says_why_some_do_not_fire(
    secrets_of: AgentProcess, repository: ConfigRepository, engine: EngineSide, web_images: dict[str, str]
) -> None:
    agent = secrets_of
    image, _, tag = web_images["one"].rpartition(":")
    documents = {
        "triggers/push.yaml": trigger(
            "push", kind="webhook", vendor="github", secret={"secret": "hook"}, repo="acme/shop"
        )
    }
    bindings: dict[str, dict[str, Any]] = {
        "fires": {"with": {"paths": ["web/**"]}},
        "filtered": {"with": {"paths": ["docs/**"]}},
        "disabled": {"enabled": False},
    }
    for name, more in bindings.items():
        binding = {"trigger": "push", "action": "redeploy", **more}
        documents[f"workloads/{name}.yaml"] = workload(name, image, tag, [binding], pull="never")
    repository.commit(documents)
    agent.start()
    before = {}
    for name in bindings:
        agent.wait_phase(name, "Synced")
        before[name] = engine.only(name)["Id"]
    body = github_push("acme/shop", "main", "c" * 40)
    url = f"http://127.0.0.1:{agent.port}/webhook/push"
    status, answer = post(url, body, signed(body, SECRET, "push"))
    assert (status, answer["outcome"], len(answer["events"])) == (202, "accepted", 1)
    wait_for("a new container", lambda: replaced(engine, "fires", before["fires"]))
    agent.wait_phase("fires", "Synced")
    assert {name: engine.only(name)["Id"] for name in ("filtered", "disabled")} == {
        name: before[name] for name in ("filtered", "disabled")
    }
    shown = agent.get("/api/v1/triggers/push")
    why = {one["workload"]: (one["fired"], one["why"]) for one in shown["bindings"]}
    assert why["fires"][0] is True
    assert why["filtered"] == (False, "none of 1 changed paths matches docs/**")
    assert why["disabled"] == (False, "the binding is disabled")
    assert len(subjects(repository)) == 1
    assert post(url, body, signed(body, "wrong", "push"))[0] == 401
    assert post(url.replace("push", "other"), body, signed(body, SECRET, "push"))[0] == 404


def test_a_trigger_is_fired_by_hand(
    secrets_of: AgentProcess, repository: ConfigRepository, engine: EngineSide, web_images: dict[str, str]
) -> None:
    agent = secrets_of
    image, _, tag = web_images["one"].rpartition(":")
    by_hand = {"kind": "manual", "secret": {"secret": "hook"}, "action": "restart"}
    repository.commit({"workloads/web.yaml": workload("web", image, tag, [by_hand], pull="never", init=True)})
    agent.start().wait_phase("web", "Synced")
    before = engine.only("web")["Id"]
    started = engine.api.inspect_container(before)["State"]["StartedAt"]
    fired = agent.run("fire", "web.1")
    assert (fired.returncode, fired.stderr) == (0, ""), fired.stdout + fired.stderr
    assert fired.stdout.startswith("web.1: fired 1 of 1 (")
    wait_for("a restart", lambda: engine.api.inspect_container(before)["State"]["StartedAt"] != started)
    agent.wait_phase("web", "Synced")
    assert engine.only("web")["Id"] == before
    again = engine.api.inspect_container(before)["State"]["StartedAt"]
    url = f"http://127.0.0.1:{agent.port}/webhook/web.1"
    assert post(url, b"", bearer(SECRET))[0] == 202
    wait_for("another restart", lambda: engine.api.inspect_container(before)["State"]["StartedAt"] != again)
    unknown = agent.run("fire", "nothing")
    assert (unknown.returncode, "there is no trigger of that name" in unknown.stdout) == (1, True)


def test_what_was_accepted_is_done_though_the_agent_is_killed_at_once(
    secrets_of: AgentProcess, repository: ConfigRepository, engine: EngineSide, web_images: dict[str, str]
) -> None:
    agent = secrets_of
    image, _, tag = web_images["one"].rpartition(":")
    newer = web_images["two"].rpartition(":")[2]
    hook = {"kind": "webhook", "vendor": "generic", "auth": "token", "secret": {"secret": "hook"}}
    repository.commit({"workloads/web.yaml": workload("web", image, tag, [hook], pull="never", port=8080)})
    agent.start().wait_phase("web", "Synced")
    body = pushed_image(image, newer)
    status, answer = post(f"http://127.0.0.1:{agent.port}/webhook/web.1", body, bearer(SECRET))
    agent.kill()
    assert (status, answer["outcome"]) == (202, "accepted")
    agent.start()
    wait_for("the new version", lambda: [one["Image"] for one in engine.running("web")] == [web_images["two"]])
    assert subjects(repository)[1:] == [f"web: docker.io/{image} {tag} → {newer}"]
    status, answer = post(f"http://127.0.0.1:{agent.port}/webhook/web.1", body, bearer(SECRET))
    assert (status, answer["outcome"]) == (200, "duplicate")


def test_a_schedule_ticks_and_makes_up_for_what_was_missed(
    secrets_of: AgentProcess, repository: ConfigRepository, engine: EngineSide, web_images: dict[str, str]
) -> None:
    agent = secrets_of
    image, _, tag = web_images["one"].rpartition(":")
    run = {"command": ["sh", "-c", "echo cleaned up; exit 0"], "timeout": "30s"}
    nightly = {"kind": "schedule", "cron": "* * * * *", "action": "run", "run": run}
    repository.commit({"workloads/job.yaml": workload("job", image, tag, [nightly], pull="never", replicas=0)})
    agent.start().wait_phase("job", "Synced")

    def succeeded() -> list[dict[str, Any]]:
        runs = (agent.get("/api/v1/workloads/job") or {}).get("runs", [])
        return [one for one in runs if one["state"] == "succeeded"]

    wait_for("a run by the clock", succeeded, timeout=75)
    assert succeeded()[0]["lines"] == ["cleaned up"]
    wait_for("the container to go", lambda: engine.containers("job") == [])
    known = len(succeeded())
    agent.stop()
    time.sleep(max(0.0, 61 - time.time() % 60))  # until a minute has begun without it
    begun = time.time()
    agent.start()
    wait_for("the missed tick", lambda: len(succeeded()) > known, timeout=20)
    assert time.time() - begun < 30


@pytest.mark.parametrize("action", ["deploy", "redeploy"])
def test_a_version_that_is_pinned_already_changes_nothing(
    secrets_of: AgentProcess,
    repository: ConfigRepository,
    engine: EngineSide,
    web_images: dict[str, str],
    action: str,
    make_agent: Callable[..., AgentProcess],
) -> None:
    del make_agent
    agent = secrets_of
    image, _, tag = web_images["one"].rpartition(":")
    hook = {"kind": "webhook", "auth": "token", "secret": {"secret": "hook"}, "action": action}
    repository.commit({"workloads/web.yaml": workload("web", image, tag, [hook], pull="never")})
    agent.start().wait_phase("web", "Synced")
    before = engine.only("web")["Id"]
    body = pushed_image(image, tag)
    assert post(f"http://127.0.0.1:{agent.port}/webhook/web.1", body, bearer(SECRET))[0] == 202

    def decided() -> bool:
        bindings = (agent.get("/api/v1/triggers/web.1") or {}).get("bindings", [])
        return bool(bindings) and bindings[0]["fired"] is not None

    wait_for("a decision", decided)
    agent.wait_phase("web", "Synced")
    assert len(subjects(repository)) == 1
    if action == "deploy":
        assert engine.only("web")["Id"] == before
    else:
        wait_for("a new container", lambda: replaced(engine, "web", before))
