"""Remotes that refuse, hang or are protected, registries that are away: what was accepted waits, and none is lost."""

from __future__ import annotations

import json
import os
import random
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.agent_process import EngineSide, free_port, wait_for
from support.git_server import git
from support.registry import registry
from support.trigger_parts import (
    SECRET,
    Scene,
    Served,
    address,
    fates,
    hook,
    login,
    metric,
    own_commits,
    pending_update,
    pin,
    runs,
    subjects,
    wait_settled,
    workload,
)
from support.webhooks import Sender, bearer, post, pushed_image

pytestmark = [pytest.mark.engine, pytest.mark.timeout(180)]

KILLS = 10
SEED = "PIERHEAD_KILL_SEED"
"""Environment variable with the seed of a run that is to be repeated."""
HOOK = """\
#!/bin/sh
while read -r before after ref; do
    if test "$ref" = refs/heads/main; then
        echo "main is frozen until Monday, ask Ada" >&2
        exit 1
    fi
done
"""


def life(engine: EngineSide, name: str) -> tuple[str, str]:
    """The one container of a workload and since when it runs."""
    found = engine.api.inspect_container(engine.only(name)["Id"])
    assert found["State"]["Running"]
    return found["Id"], found["State"]["StartedAt"]


def test_a_remote_that_refuses_pushes_for_a_while_delays_an_update_which_is_told_once(served: Served) -> None:
    agent, repository, engine, images, server, remote = served
    image, _, tag = images["one"].rpartition(":")
    newer = images["two"].rpartition(":")[2]
    repository.commit({"workloads/web.yaml": workload("web", image, tag, [hook()], pull="never", port=8080)})
    agent.start().wait_phase("web", "Synced")
    before = life(engine, "web")
    server.refuse_push = 403
    status, answer = post(address(agent, "web.1"), pushed_image(image, newer), bearer(SECRET))
    assert (status, answer["outcome"]) == (202, "accepted")
    shown = wait_for("the update is shown as waiting", lambda: pending_update(agent, "web"))
    assert shown.startswith(f"docker.io/{image} {tag} → {newer}: UpdateRejected: ")
    assert "403" in shown
    assert "give this login the right to push to main" in shown
    wait_for("it was tried again", lambda: metric(agent, "updates_total", 'outcome="postponed"') >= 2)
    assert pending_update(agent, "web") == shown
    assert [one["message"] for one in agent.events("UpdateRejected", "web")] == [
        shown.replace(": UpdateRejected: ", " is not in git yet: ")
    ]
    assert life(engine, "web") == before, "the old version serves throughout"
    assert own_commits(remote) == 0
    server.refuse_push = 0
    wait_for("the new version", lambda: runs(engine, "web") == [images["two"]], timeout=40)
    assert subjects(remote)[1:] == [f"web: docker.io/{image} {tag} → {newer}"]
    wait_settled(agent)
    assert pending_update(agent, "web") == ""
    assert len(agent.events("UpdateRejected", "web")) == 1


def test_a_protected_branch_is_told_in_the_words_of_its_hook_and_status_reaches_git_nevertheless(
    served: Served,
) -> None:
    agent, repository, engine, images, _, remote = served
    image, _, tag = images["one"].rpartition(":")
    newer = images["two"].rpartition(":")[2]
    repository.commit({"workloads/web.yaml": workload("web", image, tag, [hook()], pull="never", port=8080)})
    agent.start().wait_phase("web", "Synced")
    before = life(engine, "web")
    script = remote / "hooks" / "pre-receive"
    script.write_text(HOOK)
    script.chmod(0o755)
    assert post(address(agent, "web.1"), pushed_image(image, newer), bearer(SECRET))[0] == 202
    told = wait_for("the refusal is told", lambda: agent.events("UpdateRejected", "web"))[0]["message"]
    assert f"{tag} → {newer} is not in git yet" in told
    assert "main is frozen until Monday, ask Ada" in told
    assert "let this login push to main" in told
    assert "update: {via: pull_request}" in told
    assert "main is frozen until Monday, ask Ada" in pending_update(agent, "web")
    branch = f"pierhead/{agent.host}"
    wait_for(
        "it is told in git as well",
        lambda: "UpdateRejected" in git(remote, "grep", "-h", "reason", branch, "--", "events/"),
    )
    assert life(engine, "web") == before
    assert own_commits(remote) == 0
    script.unlink()
    wait_for("the new version", lambda: runs(engine, "web") == [images["two"]], timeout=40)
    assert len(agent.events("UpdateRejected", "web")) == 1


def test_an_update_whose_push_is_never_answered_is_found_in_git_and_made_once(served: Served) -> None:
    agent, repository, engine, images, server, remote = served
    image, _, tag = images["one"].rpartition(":")
    newer = images["two"].rpartition(":")[2]
    repository.commit({"workloads/web.yaml": workload("web", image, tag, [hook()], pull="never", port=8080)})
    agent.start().wait_phase("web", "Synced")
    server.cut_push = True
    assert post(address(agent, "web.1"), pushed_image(image, newer), bearer(SECRET))[0] == 202
    wait_for("the new version", lambda: runs(engine, "web") == [images["two"]])
    wait_settled(agent)
    server.cut_push = False
    assert subjects(remote)[1:] == [f"web: docker.io/{image} {tag} → {newer}"]
    assert len(agent.events("UpdateWritten", "web")) == 1
    assert pending_update(agent, "web") == ""


@pytest.mark.parametrize("trouble", ["hang", "refuse"])
def test_a_hundred_events_survive_a_kill_while_the_git_server_is_in_trouble(served: Served, trouble: str) -> None:
    agent, repository, _, _, server, remote = served
    names = ["ant", "bee", "cat", "dog", "elk"]
    documents = {f"workloads/{name}.yaml": workload(name, f"shop/{name}", "0", [hook()], replicas=0) for name in names}
    repository.commit(documents)
    agent.settings["repo"] = {"interval": "1s", "timeout": "3s"}
    agent.start()
    for name in names:
        agent.wait_phase(name, "Synced")
    if trouble == "hang":
        server.hang = True
    else:
        server.refuse = 503
    ids = []
    for version in range(1, 21):
        for name in names:
            body = pushed_image(f"shop/{name}", str(version))
            status, answer = post(address(agent, f"{name}.1"), body, bearer(SECRET))
            assert status == 202
            ids += answer["events"]
    agent.kill()
    assert len(set(ids)) == 100
    assert own_commits(remote) == 0
    server.hang, server.refuse = False, 0
    agent.start()
    wait_for("all pins", lambda: {pin(remote, name) for name in names} == {"20"})
    wait_settled(agent)
    assert own_commits(remote) <= 3, subjects(remote)
    assert all(pending_update(agent, name) == "" for name in names)
    assert {state for state, _ in fates(agent, ids)} == {"done"}
    revision = git(remote, "rev-parse", "main")
    agent.wait_phase(names[0], "Synced", revision=revision)


def test_a_delivery_that_comes_before_the_triggers_are_known_is_asked_to_come_again_soon(served: Served) -> None:
    agent, repository, engine, images, server, _ = served
    image, _, tag = images["one"].rpartition(":")
    newer = images["two"].rpartition(":")[2]
    repository.commit({"workloads/web.yaml": workload("web", image, tag, [hook()], pull="never", port=8080)})
    server.refuse = 503
    agent.start()
    wait_for("it listens", agent.status)
    body, sender = pushed_image(image, newer), Sender(agent.port, 0)
    status, answer = sender.post("/webhook/web.1", body, bearer(SECRET))
    assert (status, answer["error"]["reason"]) == (503, "Unavailable")
    assert 1 <= int(sender.headers["retry-after"]) <= 5
    assert sender.post("/webhook/nothing", body, bearer(SECRET))[0] == 503, "nobody learns which triggers there are"
    server.refuse = 0
    wait_for("it is taken", lambda: sender.post("/webhook/web.1", body, bearer(SECRET))[0] == 202)
    wait_for("the new version", lambda: runs(engine, "web") == [images["two"]])
    sender.close()


@pytest.fixture
def versions(scene: Scene) -> Iterator[list[str]]:
    """Ten more tags of the image `one`."""
    image, _, tag = scene.images["one"].rpartition(":")
    tags = [f"{tag}-{number}" for number in range(KILLS)]
    for one in tags:
        scene.engine.api.tag(scene.images["one"], image, one)
    yield tags
    for one in tags:
        scene.engine.api.remove_image(f"{image}:{one}", noprune=True, force=True)


def test_killed_at_ten_random_moments_after_the_answer_each_version_is_pinned_once_and_runs(
    scene: Scene, versions: list[str]
) -> None:
    agent, repository, engine, images = scene
    seed = int(os.environ.get(SEED) or secrets.randbelow(2**32))
    print(f"repeat with {SEED}={seed}")  # noqa: T201 - shown with a failure
    generator = random.Random(seed)
    image, _, tag = images["one"].rpartition(":")
    repository.commit({"workloads/web.yaml": workload("web", image, tag, [hook()], pull="never", port=8080)})
    agent.start().wait_phase("web", "Synced")
    for version in versions:
        status, _ = post(address(agent, "web.1"), pushed_image(image, version), bearer(SECRET))
        moment = generator.uniform(0.0, 1.5)
        time.sleep(moment)  # the random moment itself, not a wait for anything
        agent.kill()
        assert status == 202
        agent.start()
        what = f"{version}, killed after {moment:.3f} s with {SEED}={seed}"
        wait_for(what, lambda wanted=f"{image}:{version}": runs(engine, "web") == [wanted])
        agent.wait_phase("web", "Synced")
        assert len(engine.containers("web")) == 1
    wait_settled(agent)
    assert [subject.rpartition(" ")[2] for subject in subjects(repository.folder)[1:]] == versions
    assert git(repository.folder, "status", "--porcelain") == ""
    agent.stop()  # what is written while git looks at everything would seem to be missing
    git(repository.folder, "fsck", "--strict")


@pytest.mark.program("docker-registry")
def test_a_registry_that_is_away_or_refuses_the_login_is_told_once_and_holds_up_no_other_trigger(
    pushed: list[str], scene: Scene, tmp_path: Path
) -> None:
    agent, repository, engine, images = scene
    image, _, tag = images["one"].rpartition(":")
    port = free_port()
    watched = f"127.0.0.1:{port}/shop/web"
    watch = {"kind": "registry", "image": watched, "registry": "own", "interval": "10m", "policy": {"semver": "^1"}}

    def trouble() -> str:
        return str(agent.get("/api/v1/triggers/web.1")["trouble"])

    def look() -> None:
        before = metric(agent, "polls_total", 'outcome="failed"') + metric(agent, "polls_total", 'outcome="ok"')
        assert agent.run("fire", "web.1").returncode == 0
        wait_for(
            "a look",
            lambda: (
                metric(agent, "polls_total", 'outcome="failed"') + metric(agent, "polls_total", 'outcome="ok"') > before
            ),
        )

    with registry(tmp_path / "registry", port) as first:
        pushed.append(first.push(engine.api, images["one"], "shop/web:1.0.0"))
        repository.commit(
            {
                "registries/own.yaml": login(port),
                "workloads/web.yaml": workload("web", watched, "1.0.0", [watch], port=8080),
                "workloads/other.yaml": workload("other", image, tag, [hook()], pull="never"),
            }
        )
        agent.start().wait_phase("web", "Synced")
        agent.wait_phase("other", "Synced")
        wait_for("the first look", lambda: agent.get("/api/v1/triggers/web.1")["polled"])
    for _ in range(2):
        look()
    assert f"127.0.0.1:{port}" in trouble()
    assert trouble().startswith("RegistryUnavailable: ")
    newer = images["two"].rpartition(":")[2]
    assert post(address(agent, "other.1"), pushed_image(image, newer), bearer(SECRET))[0] == 202
    wait_for("the other goes on", lambda: runs(engine, "other") == [images["two"]])
    with registry(tmp_path / "registry", port) as again:
        pushed.append(again.push(engine.api, images["two"], "shop/web:1.1.0"))
        secret = agent.base / "secrets" / "registry"
        right = secret.read_text()
        secret.write_text("a wrong password")
        for _ in range(2):
            look()
        assert trouble().startswith("RegistryUnauthorized: ")
        secret.write_text(right)
        look()
        assert trouble() == ""
        wait_for("the new version", lambda: runs(engine, "web") == [f"{watched}:1.1.0"])
    told = [one["reason"] for one in agent.events() if one["reason"] in {"TriggerFailed", "TriggerRecovered"}]
    assert told == ["TriggerFailed", "TriggerFailed", "TriggerRecovered"]
    assert "a wrong password" not in agent.tail() + json.dumps(agent.events())
