"""What scenario tests share: an engine side, test images, a config repository, and an agent that is always ended."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import docker.errors
import pytest
from support import images
from support.agent_process import AgentProcess, ConfigRepository, EngineSide, remove_shared_network
from support.git_server import GitServer
from support.trigger_parts import Scene, Served, give_secrets

RUN = secrets.token_hex(4)


@pytest.fixture(scope="session")
def web_images() -> Iterator[dict[str, str]]:
    """Images of the scenarios by what they do; `one` and `two` answer their name on port 8080.

    Their tags are this run's own. So are then all fingerprints and container names, and runs can share an engine.
    """
    client: Any = docker.APIClient(version="auto", timeout=120)
    made = {
        "one": images.web_image(client, "ph-test/web:1", "one"),
        "two": images.web_image(client, "ph-test/web:2", "two"),
        "three": images.web_image(client, "ph-test/web:3", "three"),
        "busybox": images.busybox_image(client),
        "exits": images.exits_image(client),
        "silent": images.silent_image(client),
    }
    own = {name: f"{tag}-{RUN}" for name, tag in made.items()}
    for name, tag in own.items():
        client.tag(made[name], *tag.split(":"))
    yield own
    for tag in own.values():
        client.remove_image(tag, noprune=True)
    client.close()


@pytest.fixture(scope="session", autouse=True)
def shared_network() -> Iterator[None]:
    """The network that workloads share by default is made by the first test and removed after the last."""
    yield
    client = docker.APIClient(version="auto")
    try:
        remove_shared_network(client)
    finally:
        client.close()


@pytest.fixture
def repository(tmp_path: Path) -> ConfigRepository:
    """An empty local config repository."""
    return ConfigRepository.create(tmp_path / "config")


@pytest.fixture
def make_agent(tmp_path: Path) -> Iterator[Callable[..., AgentProcess]]:
    """Makes agents that are ended, and whose containers are removed, when the test is over."""
    made: list[AgentProcess] = []

    def make(url: str | Path, **fields: Any) -> AgentProcess:
        agent = AgentProcess(base=tmp_path / f"agent-{len(made)}", repo_url=str(url), **fields)
        made.append(agent)
        return agent

    yield make
    for agent in made:  # all of them first, for one that lives would make again what is removed
        agent.kill()
    for agent in made:
        EngineSide(agent.host).clean()


@pytest.fixture
def agent(make_agent: Callable[..., AgentProcess], repository: ConfigRepository) -> AgentProcess:
    """One agent, not started, that follows `repository`."""
    return make_agent(repository.folder)


@pytest.fixture
def engine(agent: AgentProcess) -> Iterator[EngineSide]:
    """The engine as seen under the agent's host name."""
    side = EngineSide(agent.host)
    yield side
    side.api.close()


@pytest.fixture
def scene(agent: AgentProcess, repository: ConfigRepository, engine: EngineSide, web_images: dict[str, str]) -> Scene:
    """An agent with secrets, not started, that follows a local repository."""
    give_secrets(agent)
    return Scene(agent, repository, engine, web_images)


@pytest.fixture
def served(make_agent: Callable[..., AgentProcess], web_images: dict[str, str], tmp_path: Path) -> Iterator[Served]:
    """The same with a config repository behind a git server, which may misbehave."""
    with GitServer(tmp_path / "served") as server:
        remote = server.create("acme/config")
        repository = ConfigRepository.create(tmp_path / "work", server.url("acme/config"))
        agent = make_agent(server.url("acme/config"))
        give_secrets(agent)
        engine = EngineSide(agent.host)
        yield Served(agent, repository, engine, web_images, server, remote)
        engine.api.close()
        agent.kill()


@pytest.fixture
def pushed() -> Iterator[list[str]]:
    """References of a registry that goes away, whose images go in the end.

    A test names this before the agent, which then ends first and takes its containers along.
    """
    references: list[str] = []
    yield references
    client: Any = docker.APIClient(version="auto", timeout=60)
    for reference in references:
        with contextlib.suppress(docker.errors.ImageNotFound):
            client.remove_image(reference, noprune=True, force=True)
    client.close()
