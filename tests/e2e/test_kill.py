"""kill -9 at any moment of a deploy: the next start converges, with nothing orphaned and nothing lost."""

from __future__ import annotations

import os
import random
import secrets
import time

import pytest
from support.agent_process import AgentProcess, ConfigRepository, EngineSide, wait_for
from support.git_server import git
from support.yaml_texts import web

pytestmark = [pytest.mark.engine, pytest.mark.timeout(400)]

KILLS = 20
SEED = "PIERHEAD_KILL_SEED"
"""Environment variable with the seed of a run that is to be repeated."""


def test_killed_at_twenty_random_moments_of_a_deploy_each_start_converges(
    agent: AgentProcess, repository: ConfigRepository, engine: EngineSide, web_images: dict[str, str]
) -> None:
    """The moments are spread over a deploy, from before the commit is seen to after the old container is gone."""
    seed = int(os.environ.get(SEED) or secrets.randbelow(2**32))
    print(f"repeat with {SEED}={seed}")  # noqa: T201 - shown with a failure
    generator = random.Random(seed)
    repository.commit({"workloads/web.yaml": document(agent, web_images["two"])})
    agent.start()
    agent.wait_phase("web", "Synced")
    engine.api.exec_start(engine.api.exec_create(engine.only("web")["Id"], ["sh", "-c", "echo kept > /data/file"]))
    began = time.monotonic()
    revision = repository.commit({"workloads/web.yaml": document(agent, web_images["one"])})
    agent.wait_phase("web", "Synced", revision=revision)
    whole = time.monotonic() - began
    interrupted = 0
    for number in range(KILLS):
        image = web_images["two" if number % 2 == 0 else "one"]
        revision = repository.commit({"workloads/web.yaml": document(agent, image)}, f"deploy {number}")
        moment = generator.uniform(0.0, 1.2 * whole)
        time.sleep(moment)  # the random moment itself, not a wait for anything
        agent.kill()
        interrupted += not at_rest(engine, image)
        agent.start()
        agent.wait_phase("web", "Synced", revision=revision)
        assert at_rest(engine, image), f"kill {number} after {moment:.3f} s, {SEED}={seed}: {names(engine)}"
    print(f"{interrupted} of {KILLS} kills came within a deploy, which takes {whole:.1f} s")  # noqa: T201
    assert interrupted >= 3, f"a deploy took {whole:.1f} s, but only {interrupted} kills came within one"
    only = engine.only("web")["Id"]
    assert engine.api.exec_start(engine.api.exec_create(only, ["cat", "/data/file"])) == b"kept\n"
    assert agent.stop() == 0
    assert owned_volumes(engine) == [f"ph-4b5e57f6-data-{agent.host}"], "one volume of data and no lease is left"
    git(repository.folder, "fsck", "--strict")
    ids = event_ids(repository, agent.host)
    assert len(ids) == len(set(ids)), "no event is written twice"


def document(agent: AgentProcess, image: str) -> str:
    volume = {"source": f"data-{agent.host}", "target": "/data", "scope": "project_named"}
    return web("web", image, id="4b5e57f6", volumes=[volume])


def at_rest(engine: EngineSide, image: str) -> bool:
    """Whether there is nothing but one running container of this image under its final name."""
    found = engine.containers()
    proven = [one for one in found if not one["Names"][0].endswith((".candidate", ".retired"))]
    return [(one["Image"], one["State"]) for one in proven] == [(image, "running")] and len(found) == 1


def names(engine: EngineSide) -> list[tuple[str, str, str]]:
    return [(one["Names"][0], one["Image"], one["State"]) for one in engine.containers()]


def owned_volumes(engine: EngineSide) -> list[str]:
    """Names of the volumes, leases included, that this host made."""
    filters = [{"label": f"{label}={engine.host}"} for label in ("pierhead.host", "pierhead.lease")]
    return [volume["Name"] for one in filters for volume in engine.api.volumes(filters=one)["Volumes"] or []]


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
