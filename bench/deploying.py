"""From a commit to a container that answers, against the same container made by hand: create, start, probe."""

from __future__ import annotations

import contextlib
import time
import urllib.request
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import docker
from support import images
from support.agent_process import AgentProcess, ConfigRepository, EngineSide, free_port
from support.yaml_texts import web

from bench.result import Result, median

LIMIT_SECONDS = 60.0


def run(*, quick: bool) -> list[Result]:
    """One result: the ratio, both measured in turn."""
    rounds = 3 if quick else 9
    client: Any = docker.APIClient(version="auto", timeout=120)
    image = images.web_image(client, "ph-test/web:1", "one")
    with TemporaryDirectory(prefix="pierhead-bench-") as folder:
        config = ConfigRepository.create(Path(folder) / "config")
        agent = AgentProcess(base=Path(folder) / "agent", repo_url=str(config.folder), host="pierhead-bench")
        config.commit({"workloads/first.yaml": web("first", image)})
        try:
            agent.start()
            agent.wait_phase("first", "Synced")
            network = next(iter(EngineSide(agent.host).only("first")["NetworkSettings"]["Networks"]))
            by_hand, by_commit = [], []
            for number in range(rounds):
                by_hand.append(_by_hand(client, image, network))
                by_commit.append(_by_commit(client, agent.host, config, image, number))
        finally:
            agent.kill()
            EngineSide(agent.host).clean()
            client.close()
    ratios = tuple(one / other for one, other in zip(by_commit, by_hand, strict=True))
    return [
        Result(
            name="commit to healthy container",
            value=median(ratios),
            unit="x",
            limit=1.3,
            against=f"create + start + probe by hand: {median(by_hand) * 1000:.0f} ms, "
            f"by commit {median(by_commit) * 1000:.0f} ms",
            samples=ratios,
            note="from the moment git commit returns to the health check that passed; local repository",
        )
    ]


def _by_hand(client: Any, image: str, network: str) -> float:
    port = free_port()
    began = time.perf_counter()
    config = client.create_host_config(port_bindings={8080: ("127.0.0.1", port)})
    networking = client.create_networking_config({network: client.create_endpoint_config()})
    container = client.create_container(image, host_config=config, ports=[8080], networking_config=networking)["Id"]
    client.start(container)
    _until_it_answers(port)
    took = time.perf_counter() - began
    client.remove_container(container, force=True)
    return took


def _by_commit(client: Any, host: str, config: ConfigRepository, image: str, number: int) -> float:
    """Until the container gets its final name, which the agent gives after the health check answered.

    Nobody asks the port before: a question that comes too early makes the kernel wait a second for the next one.
    """
    name = f"bench-{number}"
    text = web(name, image, publish=[f"127.0.0.1:{free_port()}:8080"])
    filters = {"label": [f"pierhead.host={host}", f"pierhead.workload={name}"], "event": "rename"}
    with contextlib.closing(client.events(decode=True, filters=filters)) as renamed:
        config.commit({f"workloads/{name}.yaml": text})
        began = time.perf_counter()
        next(renamed)
    return time.perf_counter() - began


def _until_it_answers(port: int) -> None:
    deadline = time.monotonic() + LIMIT_SECONDS
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2) as answer:
                answer.read()
                return
        except OSError:
            time.sleep(0.005)
    raise AssertionError(f"nothing answered on port {port} within {LIMIT_SECONDS:.0f} s")
