"""kill -9 at any moment of a deploy: the next start converges, with nothing orphaned and nothing lost."""

from __future__ import annotations

import random
import time

import pytest
from support.agent_process import AgentProcess, ConfigRepository, EngineSide, wait_for
from support.git_server import git
from support.yaml_texts import web

pytestmark = [pytest.mark.engine, pytest.mark.timeout(400)]

KILLS = 20


def test_killed_at_twenty_random_moments_of_a_deploy_each_start_converges(
    agent: AgentProcess, repository: ConfigRepository, engine: EngineSide, web_images: dict[str, str]
) -> None:
    """The moments are spread over a deploy, from before the commit is seen to after the old container is gone."""
    generator = random.Random(4711)
    repository.commit({"workloads/web.yaml": web("web", web_images["one"])})
    agent.start()
    agent.wait_phase("web", "Synced")
    versions = [web_images["two"], web_images["one"]]
    for number in range(KILLS):
        image = versions[number % 2]
        revision = repository.commit({"workloads/web.yaml": web("web", image)}, f"deploy {number}")
        time.sleep(generator.uniform(0.0, 1.6))  # the random moment itself, not a wait for anything
        agent.kill()
        agent.start()
        agent.wait_phase("web", "Synced", revision=revision)
        only = engine.only("web")
        assert only["Image"] == image, f"after kill {number}"
        assert only["State"] == "running"
        assert not only["Names"][0].endswith((".candidate", ".retired"))
    assert agent.stop() == 0
    git(repository.folder, "fsck", "--strict")
    ids = event_ids(repository, agent.host)
    assert len(ids) == len(set(ids)), "no event is written twice"


def event_ids(repository: ConfigRepository, host: str) -> list[str]:
    """The ids of all events on the host's branch."""
    names = git(repository.folder, "ls-tree", "-r", "--name-only", f"pierhead/{host}", "events/").splitlines()
    texts = [git(repository.folder, "show", f"pierhead/{host}:{name}") for name in names]
    return [line.split('"id":', 1)[1].split('"')[1] for text in texts for line in text.splitlines() if line]


def test_a_stop_in_the_middle_of_a_deploy_is_quick_and_orderly(
    agent: AgentProcess, repository: ConfigRepository, engine: EngineSide, web_images: dict[str, str]
) -> None:
    repository.commit({"workloads/web.yaml": web("web", web_images["one"])})
    agent.start()
    agent.wait_phase("web", "Synced")
    patient = {"healthcheck": {"http": "/", "interval": "5s", "retries": 6, "start_period": "60s"}}
    repository.commit({"workloads/web.yaml": web("web", web_images["silent"], patient)})
    wait_for("the gate waits", lambda: [one for one in engine.running("web") if one["Image"] == web_images["silent"]])
    began = time.monotonic()
    assert agent.stop() == 0
    assert time.monotonic() - began < 10
    revision = repository.commit({"workloads/web.yaml": web("web", web_images["two"])})
    agent.start()
    agent.wait_phase("web", "Synced", revision=revision)
    assert engine.only("web")["Image"] == web_images["two"]
