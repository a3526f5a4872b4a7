"""What goes wrong on the outside is told in one clear event, loses nothing, and is over without a restart."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import docker
import pytest
from support.agent_process import AgentProcess, ConfigRepository, EngineSide, free_port, wait_for
from support.git_server import GitServer, git
from support.registry import PASSWORD, USERNAME, answering, broken_registry, registry
from support.socket_proxy import SocketProxy
from support.yaml_texts import web, workload

pytestmark = [pytest.mark.engine, pytest.mark.timeout(180)]

PORT = free_port()


@pytest.fixture
def client() -> Iterator[Any]:
    """The engine; images of this file's registry are removed from it in the end."""
    found: Any = docker.APIClient(version="auto", timeout=60)
    yield found
    for image in found.images():
        for tag in image.get("RepoTags") or ():
            if tag.startswith(f"127.0.0.1:{PORT}/"):
                found.remove_image(tag, noprune=True)
    found.close()


def secrets_of(agent: AgentProcess, **values: str) -> Path:
    """A folder of secrets for the agent."""
    folder = agent.base / "secrets"
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in values.items():
        (folder / name).write_text(value)
    agent.settings["secrets"] = [{"kind": "files", "path": str(folder)}]
    return folder


# Registries


def slow_down(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(429)
    handler.send_header("Retry-After", "2")
    handler.send_header("Content-Length", "0")
    handler.end_headers()


def wait(event: threading.Event) -> None:
    event.wait(60)


def registry_document(name: str, host: str, secret: str | None = None) -> str:
    login = {"username": USERNAME, "password": {"secret": secret}} if secret else {}
    return json.dumps({"kind": "Registry", "name": name, "host": host} | login)


@pytest.mark.program("docker-registry")
def test_each_trouble_with_a_registry_has_its_name_and_ends_without_a_restart(
    agent: AgentProcess, repository: ConfigRepository, client: Any, web_images: dict[str, str], tmp_path: Path
) -> None:
    folder = secrets_of(agent, right=PASSWORD, wrong="not-the-password")
    silent = threading.Event()
    with (
        registry(tmp_path / "registry", PORT) as served,
        broken_registry(slow_down) as limited,
        broken_registry(answering(500)) as broken,
        broken_registry(lambda _: wait(silent)) as hanging,
    ):
        first = served.push(client, web_images["one"], "shop/web:1")
        files = {
            "registries/right.yaml": registry_document("right", served.host, "right"),
            "registries/wrong.yaml": registry_document("wrong", served.host, "wrong"),
            "registries/limited.yaml": registry_document("limited", limited),
            "registries/broken.yaml": registry_document("broken", broken),
            "registries/hanging.yaml": registry_document("hanging", hanging),
            "workloads/good.yaml": web("good", "shop/web:1", {"registry": "right"}),
            "workloads/missing.yaml": web("missing", "shop/web:2", {"registry": "right"}),
            "workloads/unauthorized.yaml": web("unauthorized", "shop/web:3", {"registry": "wrong"}),
            "workloads/limited.yaml": web("limited", "shop/web:4", {"registry": "limited"}),
            "workloads/broken.yaml": web("broken", "shop/web:5", {"registry": "broken"}),
            "workloads/hanging.yaml": web("hanging", "shop/web:6", {"registry": "hanging"}),
        }
        agent.settings["concurrency"] = 8
        repository.commit(files)
        agent.start()
        agent.wait_phase("good", "Synced")
        assert EngineSide(agent.host).only("good")["Image"] == first
        expected = {
            "missing": "ImageNotFound",
            "unauthorized": "RegistryUnauthorized",
            "limited": "RegistryRateLimited",
            "broken": "RegistryUnavailable",
        }
        for name, reason in expected.items():
            failed = agent.wait_phase(name, "Failed")
            assert failed["reason"] == "BackingOff", failed
            event = wait_for(f"{name}: {reason}", lambda name=name, reason=reason: agent.events(reason, name))[0]
            assert event["severity"] == "error"
            assert "trying again at" in event["message"]
        assert agent.workload("hanging")["phase"] == "Progressing"
        assert agent.workload("good")["phase"] == "Synced", "one registry that hangs holds up nobody else"

        served.push(client, web_images["two"], "shop/web:2")
        served.push(client, web_images["three"], "shop/web:3")
        (folder / "wrong").write_text(PASSWORD)
        repository.commit({}, "The image is there now\n\nPierhead-Retry: missing\nPierhead-Retry: unauthorized\n")
        agent.wait_phase("missing", "Synced")
        agent.wait_phase("unauthorized", "Synced")
        silent.set()
        said = agent.tail() + json.dumps(agent.events()) + json.dumps(agent.status())
        assert PASSWORD not in said
        assert "not-the-password" not in said


# Git


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    with GitServer(tmp_path / "served", username="pierhead", password="git-password") as started:
        yield started


def followed(server: GitServer, make_agent: Callable[..., AgentProcess], tmp_path: Path, token: str) -> Any:
    """A config repository at the server, its bare folder, and an agent that follows it with a token."""
    remote = server.create("config")
    config = ConfigRepository.create(tmp_path / "work", server.url("config", login=True))
    agent = make_agent(server.url("config"))
    secrets_of(agent, git=token, hook="hook-secret")
    agent.settings |= {
        "repo": {"interval": "1s", "username": "pierhead", "password": {"secret": "git"}, "timeout": "3s"},
        "webhook": {"config_secret": {"secret": "hook"}},
    }
    return config, remote, agent


def test_a_wrong_token_is_told_and_the_right_one_is_taken_up(
    server: GitServer, make_agent: Callable[..., AgentProcess], web_images: dict[str, str], tmp_path: Path
) -> None:
    config, _, agent = followed(server, make_agent, tmp_path, "wrong")
    config.commit({"workloads/web.yaml": web("web", web_images["one"])})
    agent.start()
    event = wait_for("the refusal is told", lambda: agent.events("RepositoryUnauthorized"))[0]
    assert "wrong" not in event["message"].replace("wrong:", "")
    assert agent.status()["conditions"]["repository"]
    (agent.base / "secrets" / "git").write_text("git-password")
    agent.wait_phase("web", "Synced", timeout=60)
    assert "repository" not in agent.status()["conditions"]
    assert "git-password" not in agent.tail() + json.dumps(agent.events())


def test_a_webhook_fetches_at_once_and_a_forged_one_does_nothing(
    server: GitServer, make_agent: Callable[..., AgentProcess], web_images: dict[str, str], tmp_path: Path
) -> None:
    config, _, agent = followed(server, make_agent, tmp_path, "git-password")
    agent.settings["repo"]["interval"] = "1h"
    config.commit({"workloads/web.yaml": web("web", web_images["one"])})
    agent.start()
    agent.wait_phase("web", "Synced")
    revision = config.commit({"workloads/web.yaml": web("web", web_images["two"])})
    fetches = server.requests.count("POST /config.git/git-upload-pack")
    assert post(agent, "forged") == 401
    assert agent.status()["revision"] != revision
    assert server.requests.count("POST /config.git/git-upload-pack") == fetches
    assert post(agent, "hook-secret") == 202
    agent.wait_phase("web", "Synced", revision=revision)


def post(agent: AgentProcess, token: str) -> int:
    command = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-X", "POST"]
    command += ["-H", f"Authorization: Bearer {token}", f"http://127.0.0.1:{agent.port}/webhook/config"]
    return int(subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout)


def test_a_remote_that_hangs_is_given_up_in_time_and_what_cannot_be_pushed_waits(
    server: GitServer, make_agent: Callable[..., AgentProcess], web_images: dict[str, str], tmp_path: Path
) -> None:
    config, remote, agent = followed(server, make_agent, tmp_path, "git-password")
    config.commit({"workloads/web.yaml": web("web", web_images["one"])})
    agent.start()
    agent.wait_phase("web", "Synced")
    branch = f"refs/heads/pierhead/{agent.host}"
    wait_for("status is in git", lambda: git(remote, "for-each-ref", branch))

    server.hang = True
    event = wait_for("the hanging is told", lambda: agent.events("RepositoryUnreachable"))[0]
    assert event["severity"] == "error"
    server.hang = False
    wait_for("it is over", lambda: agent.events("RepositoryRecovered"))

    hook = remote / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\ngrep -q pierhead && { echo 'branch is protected' >&2; exit 1; }\nexit 0\n")
    hook.chmod(0o755)
    revision = config.commit({"workloads/web.yaml": web("web", web_images["two"])})
    agent.wait_phase("web", "Synced", revision=revision)
    event = wait_for("the refusal is told", lambda: agent.events("PushRejected") + agent.events("WriteBackFailed"))[0]
    assert "pre-receive" in event["message"] or "protected" in event["message"]
    assert revision[:12] not in git(remote, "log", "-1", "--format=%s", branch)
    hook.unlink()
    wait_for("it is in git after all", lambda: agent.events("WriteBackRecovered"), timeout=60)
    wait_for("with this commit", lambda: revision[:12] in git(remote, "log", "-1", "--format=%s", branch))


def test_a_history_that_was_rewritten_is_followed(
    server: GitServer, make_agent: Callable[..., AgentProcess], web_images: dict[str, str], tmp_path: Path
) -> None:
    config, _, agent = followed(server, make_agent, tmp_path, "git-password")
    config.commit({"workloads/web.yaml": web("web", web_images["one"])})
    config.commit({"workloads/web.yaml": web("web", web_images["two"])})
    agent.start()
    agent.wait_phase("web", "Synced")
    git(config.folder, "reset", "--quiet", "--hard", "HEAD~1")
    revision = config.commit({"workloads/web.yaml": web("web", web_images["three"])})
    agent.wait_phase("web", "Synced", revision=revision)
    assert agent.events("HistoryRewritten")


def test_killed_while_it_fetches_or_pushes_it_goes_on(
    server: GitServer, make_agent: Callable[..., AgentProcess], web_images: dict[str, str], tmp_path: Path
) -> None:
    config, remote, agent = followed(server, make_agent, tmp_path, "git-password")
    agent.settings["repo"]["timeout"] = "30s"
    config.commit({"workloads/web.yaml": web("web", web_images["one"])})
    agent.start()
    agent.wait_phase("web", "Synced")
    for kind, image in (("git-upload-pack", "two"), ("git-receive-pack", "three")):
        revision = config.commit({"workloads/web.yaml": web("web", web_images[image])})
        server.delay = 0.5
        seen = len(server.requests)
        wait_for(
            f"{kind} is under way", lambda kind=kind, seen=seen: any(kind in one for one in server.requests[seen:])
        )
        agent.kill()
        server.delay = 0.0
        agent.start()
        agent.wait_phase("web", "Synced", timeout=60, revision=revision)
    reasons = wait_for("all is told", lambda: "three" in web_images and told(remote, agent).count("Deployed") == 3)
    assert reasons


def told(remote: Path, agent: AgentProcess) -> list[str]:
    """The reasons of all events on the host's branch, in their order."""
    branch = f"pierhead/{agent.host}"
    names = git(remote, "ls-tree", "-r", "--name-only", branch, "events/").splitlines()
    lines = [line for name in sorted(names) for line in git(remote, "show", f"{branch}:{name}").splitlines()]
    return [json.loads(line)["reason"] for line in lines]


# The engine


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[SocketProxy]:
    folder = Path(tempfile.mkdtemp(prefix="ph-"))  # a socket's path has at most 107 characters
    made = SocketProxy(folder / "engine.sock")
    yield made
    made.passing.set()
    made.stop()
    shutil.rmtree(folder)


def test_an_engine_that_is_away_at_the_start_is_waited_for(
    agent: AgentProcess, repository: ConfigRepository, proxy: SocketProxy, web_images: dict[str, str]
) -> None:
    agent.settings["engine"] = {"url": proxy.url}
    repository.commit({"workloads/web.yaml": web("web", web_images["one"])})
    agent.start()
    why = wait_for("the engine is missed", lambda: agent.status().get("conditions", {}).get("engine"))
    assert str(proxy.path) in why
    with proxy:
        agent.wait_phase("web", "Synced")
        assert "engine" not in agent.status()["conditions"]


def test_an_engine_that_goes_away_hangs_or_cuts_in_the_middle_of_a_deploy_is_found_again(
    agent: AgentProcess, repository: ConfigRepository, proxy: SocketProxy, web_images: dict[str, str]
) -> None:
    agent.settings["engine"] = {"url": proxy.url}
    with proxy:
        repository.commit({"workloads/web.yaml": web("web", web_images["one"])})
        agent.start()
        agent.wait_phase("web", "Synced")
        for number, image in enumerate(("two", "three", "one", "two")):
            revision = repository.commit({"workloads/web.yaml": web("web", web_images[image])})
            wait_for("the deploy began", lambda: agent.workload("web").get("phase") == "Progressing", interval=0.005)
            if number % 2:
                proxy.sever()
            else:
                proxy.stop()
                wait_for("it is told", lambda: "engine" in agent.status()["conditions"])
                proxy.start()
            agent.wait_phase("web", "Synced", timeout=60, revision=revision)
            wait_for("the condition is over", lambda: "engine" not in agent.status()["conditions"])
            side = EngineSide(agent.host)
            assert side.only("web")["Image"] == web_images[image]
            side.api.close()
        assert agent.events("EngineRecovered")
        assert not [event for event in agent.events(workload="web") if event["reason"] == "RolledBack"]


def test_a_socket_that_may_not_be_used_is_told_with_the_way_out(
    agent: AgentProcess, repository: ConfigRepository, proxy: SocketProxy
) -> None:
    repository.commit({"workloads/web.yaml": workload("web", "ph-test/web:1")})
    with proxy:
        proxy.path.chmod(0)
        agent.settings["engine"] = {"url": proxy.url}
        config = agent.write_settings()
        powerless = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
        command = [*powerless, sys.executable, "-m", "agent", "once", "--config", str(config)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    said = done.stdout + done.stderr
    assert done.returncode == 1
    assert str(proxy.path) in said
    assert "not allowed to use" in said
    assert "group" in said


# The agent's own disk


def test_a_full_disk_stops_nothing_and_loses_no_event(
    agent: AgentProcess, repository: ConfigRepository, web_images: dict[str, str]
) -> None:
    agent.data_dir.mkdir(parents=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(agent.data_dir)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("only root can mount a small disk")
    filler = agent.data_dir / "filler"
    try:
        repository.commit({"workloads/web.yaml": web("web", web_images["one"])})
        agent.start()
        agent.wait_phase("web", "Synced")
        fill(filler)
        side = EngineSide(agent.host)
        side.api.kill(side.only("web")["Id"])
        wait_for("it is repaired all the same", lambda: side.running("web"))
        revision = repository.commit({"workloads/web.yaml": web("web", web_images["two"])})
        wait_for("the trouble is told", lambda: agent.status()["conditions"], timeout=60)
        filler.unlink()
        agent.wait_phase("web", "Synced", timeout=60, revision=revision)
        wait_for("it is over", lambda: not agent.status()["conditions"], timeout=60)
        wait_for("nothing is lost", lambda: len(agent.events("Repaired", "web")) == 1, timeout=10)
        assert len(agent.events("Deployed", "web")) == 2
        side.api.close()
        agent.stop()
    finally:
        agent.kill()
        subprocess.run(["umount", str(agent.data_dir)], check=True, capture_output=True)


def fill(path: Path) -> None:
    """Write until there is no room left."""
    with path.open("wb", buffering=0) as file:
        while True:
            try:
                file.write(b"x" * 4096)
            except OSError:
                return


def test_a_journal_that_somebody_locks_is_waited_for(
    agent: AgentProcess, repository: ConfigRepository, web_images: dict[str, str]
) -> None:
    repository.commit({"workloads/web.yaml": web("web", web_images["one"])})
    agent.start()
    agent.wait_phase("web", "Synced")
    other = sqlite3.connect(agent.data_dir / "journal.sqlite3", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    revision = repository.commit({"workloads/web.yaml": web("web", web_images["two"])})
    agent.wait_phase("web", "Synced", timeout=60, revision=revision)
    wait_for("the trouble is told", lambda: "journal" in agent.status()["conditions"], timeout=60)
    other.execute("ROLLBACK")
    other.close()
    wait_for("it is over", lambda: "journal" not in agent.status()["conditions"], timeout=60)
    wait_for("nothing is lost", lambda: len(agent.events("Deployed", "web")) == 2)
