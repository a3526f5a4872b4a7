"""A push to a registry becomes a commit becomes a deploy, and everything else that may fire does what it says."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from support.agent_process import EngineSide, free_port, wait_for
from support.git_server import git
from support.registry import registry
from support.trigger_parts import (
    SECRET,
    Scene,
    address,
    hook,
    login,
    pending_update,
    runs,
    subjects,
    trigger,
    wait_settled,
    workload,
)
from support.webhooks import bearer, github_push, post, pushed_image, signed

pytestmark = [pytest.mark.engine, pytest.mark.timeout(180)]


def replaced(engine: EngineSide, workload_name: str, before: str) -> bool:
    """Whether another container than before is the only one of a workload, and runs."""
    found = engine.containers(workload_name)
    return len(found) == 1 and found[0]["State"] == "running" and found[0]["Id"] != before


@pytest.mark.program("docker-registry")
def test_a_pushed_image_is_notified_committed_and_deployed(pushed: list[str], scene: Scene, tmp_path: Path) -> None:
    agent, repository, engine, web_images = scene
    port = free_port()
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
    assert subjects(repository.folder)[1:] == [f"web: 127.0.0.1:{port}/shop/web 1.0.0 → 1.1.0"]
    difference = git(repository.folder, "show", "--format=", "--unified=0", "main").splitlines()[5:]
    assert difference == ['-  tag: "1.0.0"      # the pin', '+  tag: "1.1.0"      # the pin']
    message = git(repository.folder, "log", "-1", "--format=%B", "main")
    assert "Pierhead-Trigger: pushes" in message
    assert f"Pierhead-Host: {agent.host}" in message
    assert git(repository.folder, "status", "--porcelain") == ""
    deliveries = agent.get("/api/v1/deliveries")["deliveries"]
    failed = {one["reason"] for one in deliveries if one["outcome"] == "failed"}
    assert failed <= {"NothingReadable: it cannot be taken now"}, "before the agent knows its triggers, at most"
    assert {one["outcome"] for one in deliveries} <= {"accepted", "ignored", "duplicate", "failed"}
    assert SECRET not in json.dumps(deliveries) + agent.tail() + json.dumps(agent.events())


@pytest.mark.program("docker-registry")
def test_without_a_webhook_the_registry_is_looked_at(pushed: list[str], scene: Scene, tmp_path: Path) -> None:
    agent, repository, engine, web_images = scene
    port = free_port()
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
    assert subjects(repository.folder)[1:] == [f"web: {image} 1.0.0 → 1.2.0"]


def test_one_webhook_serves_many_bindings_and_says_why_some_do_not_fire(scene: Scene) -> None:
    agent, repository, engine, web_images = scene
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
    assert len(subjects(repository.folder)) == 1
    assert post(url, body, signed(body, "wrong", "push"))[0] == 401
    assert post(url.replace("push", "other"), body, signed(body, SECRET, "push"))[0] == 404


def test_a_trigger_is_fired_by_hand(scene: Scene) -> None:
    agent, repository, engine, web_images = scene
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


def test_what_was_accepted_is_done_though_the_agent_is_killed_at_once(scene: Scene) -> None:
    agent, repository, engine, web_images = scene
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
    assert subjects(repository.folder)[1:] == [f"web: docker.io/{image} {tag} → {newer}"]
    status, answer = post(f"http://127.0.0.1:{agent.port}/webhook/web.1", body, bearer(SECRET))
    assert (status, answer["outcome"]) == (200, "duplicate")


def test_a_schedule_ticks_and_makes_up_for_what_was_missed(scene: Scene) -> None:
    agent, repository, engine, web_images = scene
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
    with contextlib.closing(sqlite3.connect(agent.data_dir / "journal.sqlite3")) as journal:  # as if hours had passed
        earlier = "json_set(value, '$.at', json_extract(value, '$.at') - 7200)"
        journal.execute(f"UPDATE memory SET value = {earlier} WHERE key LIKE 'tick:job.1%'")
        assert journal.total_changes == 1
        journal.commit()
    agent.start()
    wait_for("one tick for all that were missed", lambda: len(succeeded()) > known, timeout=20)
    agent.wait_phase("job", "Synced")
    assert len(succeeded()) - known in (1, 2)  # a minute may have begun besides


@pytest.mark.parametrize("action", ["deploy", "redeploy"])
def test_a_version_that_is_pinned_already_changes_nothing(scene: Scene, action: str) -> None:
    agent, repository, engine, web_images = scene
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
    assert len(subjects(repository.folder)) == 1
    if action == "deploy":
        assert engine.only("web")["Id"] == before
    else:
        wait_for("a new container", lambda: replaced(engine, "web", before))


def test_an_edit_that_nobody_has_committed_yet_is_left_alone_and_the_update_follows_it(scene: Scene) -> None:
    agent, repository, engine, web_images = scene
    image, _, tag = web_images["one"].rpartition(":")
    newer = web_images["two"].rpartition(":")[2]
    text = workload("web", image, tag, [hook()], pull="never")
    repository.commit({"workloads/web.yaml": text})
    agent.start().wait_phase("web", "Synced")
    edited = f"{text}description: half a sent"
    file = repository.folder / "workloads" / "web.yaml"
    file.write_text(edited)
    assert post(address(agent, "web.1"), pushed_image(image, newer), bearer(SECRET))[0] == 202
    told = wait_for("the refusal is told", lambda: agent.events("UpdateRejected", "web"))[0]["message"]
    assert "expected no uncommitted edits in files of the update, found them in workloads/web.yaml" in told
    assert "commit or stash your edits" in told
    assert "workloads/web.yaml" in pending_update(agent, "web")
    assert file.read_text() == edited
    assert subjects(repository.folder) == ["change"]
    git(repository.folder, "commit", "--quiet", "--all", "--message", "describe it")
    wait_for("the new version", lambda: runs(engine, "web") == [web_images["two"]])
    assert subjects(repository.folder)[1:] == ["describe it", f"web: docker.io/{image} {tag} → {newer}"]
    assert file.read_text() == edited.replace(f'"{tag}"', f'"{newer}"')
    assert git(repository.folder, "status", "--porcelain") == ""
    assert len(agent.events("UpdateRejected", "web")) == 1
    wait_settled(agent)
    assert pending_update(agent, "web") == ""


def test_a_followed_working_tree_is_edited_in_place(scene: Scene) -> None:
    agent, repository, engine, web_images = scene
    agent.settings["repo"] = {"worktree": True}
    image, _, tag = web_images["one"].rpartition(":")
    newer = web_images["two"].rpartition(":")[2]
    text = workload("web", image, tag, [hook()], pull="never")
    repository.commit({"workloads/web.yaml": text})
    file = repository.folder / "workloads" / "web.yaml"
    file.write_text(f"{text}description: still being written\n")
    agent.start().wait_phase("web", "Synced")
    assert post(address(agent, "web.1"), pushed_image(image, newer), bearer(SECRET))[0] == 202
    wait_for("the new version", lambda: runs(engine, "web") == [web_images["two"]])
    wait_settled(agent)
    assert file.read_text() == f"{text}description: still being written\n".replace(f'"{tag}"', f'"{newer}"')
    assert subjects(repository.folder) == ["change"], "nothing is committed"
    assert [one["message"].partition(",")[0] for one in agent.events("UpdateWritten", "web")] == [
        f"docker.io/{image} {tag} → {newer}"
    ]
