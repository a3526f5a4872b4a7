"""Many who push, many events, several hosts: as few commits as there are versions, and nothing goes in circles."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from pathlib import Path

import pytest
from support.agent_process import AgentProcess, EngineSide, free_port, wait_for
from support.git_server import clone, commit, git
from support.registry import registry
from support.trigger_parts import (
    SECRET,
    Served,
    address,
    give_secrets,
    hook,
    login,
    own_commits,
    pin,
    runs,
    subjects,
    trigger,
    wait_settled,
    workload,
)
from support.webhooks import Forge, Sender, Told, bearer, post, pushed_image, relay, signed

pytestmark = [pytest.mark.engine, pytest.mark.timeout(240)]

PUSHERS = 10
EACH = 3
THREADS = 4


def test_ten_people_push_while_twenty_images_come_and_nobodys_commit_is_lost(served: Served) -> None:
    agent, repository, _, _, server, remote = served
    names = ["ant", "bee", "cat", "dog"]
    documents = {f"workloads/{name}.yaml": workload(name, f"shop/{name}", "0", [hook()], replicas=0) for name in names}
    repository.commit(documents)
    git(remote, "config", "receive.denyNonFastForwards", "true")
    agent.start()
    for name in names:
        agent.wait_phase(name, "Synced")
    folders = [clone(server.url("acme/config"), agent.base / f"pusher-{number}") for number in range(PUSHERS)]
    with ThreadPoolExecutor(PUSHERS) as pool:
        working = [pool.submit(push_all, folder, number) for number, folder in enumerate(folders)]
        for version in range(1, 6):
            for name in names:
                body = pushed_image(f"shop/{name}", str(version))
                assert post(address(agent, f"{name}.1"), body, bearer(SECRET))[0] == 202
            known = pushed_by_people(remote)
            wait_for("somebody pushed meanwhile", lambda known=known: pushed_by_people(remote) > known)
        for one in working:
            one.result()
    wait_for("all pins", lambda: {pin(remote, name) for name in names} == {"5"}, timeout=60)
    wait_settled(agent)
    made = subjects(remote)
    people = [f"{number}: {one}" for number in range(PUSHERS) for one in range(EACH)]
    assert sorted(subject for subject in made if subject in people) == sorted(people)
    assert len(made) == 1 + len(people) + own_commits(remote), "each is in the history once, and nothing else is"
    assert own_commits(remote) <= len(names) * 5
    for number in range(PUSHERS):
        assert git(remote, "show", f"main:notes/{number}.txt") == str(EACH - 1)
    agent.wait_phase("ant", "Synced", revision=git(remote, "rev-parse", "main"))


def push_all(folder: Path, number: int) -> None:
    """One person: commits, and pushes until it is taken, as often as that may be."""
    for one in range(EACH):
        commit(folder, {f"notes/{number}.txt": str(one)}, f"{number}: {one}")
        while not pushes(folder):
            git(folder, "pull", "--quiet", "--rebase", "origin", "main")


def pushes(folder: Path) -> bool:
    try:
        git(folder, "push", "--quiet", "origin", "main")
    except AssertionError:
        return False
    return True


def pushed_by_people(remote: Path) -> int:
    return len(subjects(remote)) - 1 - own_commits(remote)


def test_two_hosts_that_see_one_event_make_one_commit_and_both_deploy_it(
    served: Served, make_agent: Callable[..., AgentProcess]
) -> None:
    """Both share this engine, where names must differ: each host has a secret of its own, which tells them apart."""
    first, repository, _, images, server, remote = served
    second = make_agent(server.url("acme/config"))
    agents = [first, second]
    give_secrets(second)
    for one in agents:
        (one.base / "secrets" / "own").write_text(one.host)
    image, _, tag = images["one"].rpartition(":")
    newer = images["two"].rpartition(":")[2]
    document = workload("web", image, tag, [hook()], pull="never", port=8080)
    repository.commit({"workloads/web.yaml": document + "env:\n  OWN: {secret: own}\n"})
    for one in agents:
        one.start()
    for one in agents:
        one.wait_phase("web", "Synced")
    body = pushed_image(image, newer)
    with ThreadPoolExecutor(2) as pool:
        answers = pool.map(lambda one: post(address(one, "web.1"), body, bearer(SECRET)), agents)
        assert [status for status, _ in answers] == [202, 202]
    for one in agents:
        side = EngineSide(one.host)
        wait_for(f"{one.host} runs it", lambda side=side: runs(side, "web") == [images["two"]])
        side.api.close()
        one.wait_phase("web", "Synced", revision=git(remote, "rev-parse", "main"))
        wait_settled(one)
    assert subjects(remote)[1:] == [f"web: docker.io/{image} {tag} → {newer}"]


VERSIONS = ("1.0.0", "1.1.0", "1.2.0", "1.3.0")
IMAGES = {"apple": "a", "acorn": "a", "almond": "a", "birch": "b", "bean": "b"}
"""The image of each workload."""


@pytest.mark.program("docker-registry")
def test_a_thousand_events_of_a_whole_loop_make_one_commit_for_each_version_at_most(
    pushed: list[str], served: Served, tmp_path: Path
) -> None:
    agent, repository, engine, images, server, remote = served
    agent.settings["webhook"] = {"config_secret": {"secret": "hook"}}
    port = free_port()
    repository.commit(loop_documents(port))
    forge = Forge(remote, server.url("acme/config"), SECRET, lambda body, headers: tell(agent, body, headers))
    with (
        relay(address(agent, "pushes")) as (told_at, notified),
        registry(tmp_path / "registry", port, tell=(told_at, SECRET)) as house,
    ):

        def push(version: str) -> None:
            made = images["one" if version in VERSIONS[::2] else "two"]
            pushed.extend(house.push(engine.api, made, f"shop/{name}:{version}") for name in ("a", "b"))

        def at_rest(version: str) -> bool:
            return all(runs(engine, name) == [f"{house.host}/shop/{of}:{version}"] for name, of in IMAGES.items())

        push(VERSIONS[0])
        agent.start()
        wait_for("the first version", lambda: at_rest(VERSIONS[0]))
        server.after_push = forge.after_push
        push(VERSIONS[1])
        wait_for("the second version", lambda: pins(remote) == {VERSIONS[1]} and "main" in forge.told)
        with ThreadPoolExecutor(1) as pool:
            storm = pool.submit(deliver, agent, list(again(forge, notified, 500)))
            for version in VERSIONS[2:]:
                push(version)
            early = storm.result()
        wait_for("the newest version", lambda: at_rest(VERSIONS[-1]), timeout=60)
        wait_settled(agent)
        wait_for("nothing but that", lambda: len(engine.containers()) == len(IMAGES))
        revision, containers = git(remote, "rev-parse", "main"), {one["Id"] for one in engine.containers()}
        late = deliver(agent, [*islice(pinned_already(house.host), 250), *again(forge, notified, 250)])
        wait_settled(agent)
        quiet_until = time.monotonic() + 5.0
        while time.monotonic() < quiet_until:
            assert git(remote, "rev-parse", "main") == revision
            assert {one["Id"] for one in engine.containers()} == containers
            time.sleep(0.2)
    assert pins(remote) == {VERSIONS[-1]}
    assert early[202] + early[200] == late[202] + late[200] == 500, (early, late)
    assert late[202] >= 250, "those with an id of their own are taken"
    assert early[200] > 0 < late[200], "those that came before are not"
    assert 1 <= own_commits(remote) <= len(IMAGES) * (len(VERSIONS) - 1)
    assert len(subjects(remote)) == 1 + own_commits(remote)
    assert agent.events("RedeployRequested") == []
    deployed = Counter(one["workload"] for one in agent.events("Deployed"))
    assert set(deployed) == set(IMAGES)
    assert max(deployed.values()) <= len(VERSIONS)


def loop_documents(port: int) -> dict[str, str]:
    bindings = [{"trigger": "pushes"}, {"trigger": "forge", "action": "redeploy"}]
    secret = {"secret": "hook"}
    documents = {
        "registries/own.yaml": login(port),
        "triggers/pushes.yaml": trigger("pushes", kind="webhook", vendor="distribution", auth="token", secret=secret),
        "triggers/forge.yaml": trigger("forge", kind="webhook", vendor="github", secret=secret),
    }
    for name, image in IMAGES.items():
        source = {"registry": "own", "port": 8080}
        text = workload(name, f"127.0.0.1:{port}/shop/{image}", VERSIONS[0], bindings, **source)
        documents[f"workloads/{name}.yaml"] = text
    return documents


def pins(remote: Path) -> set[str]:
    return {pin(remote, name) for name in IMAGES}


def tell(agent: AgentProcess, body: bytes, headers: dict[str, str]) -> None:
    """What a forge with two hooks does; an agent that is busy with something else answers all the same."""
    for name in ("forge", "config"):
        status, answer = post(address(agent, name), body, headers)
        assert status in {200, 202, 429}, answer


Delivery = tuple[str, Told]
"""The name of a trigger and what is sent to it."""


def again(forge: Forge, notified: Sequence[Told], count: int) -> Iterator[Delivery]:
    """Deliveries that were taken before, as they were; every third of the forge's under an id of its own."""
    for number in range(count):
        if number % 2:
            yield "pushes", notified[number % len(notified)]
            continue
        own = [one for told in list(forge.told.values()) for one in list(told)]
        one = own[number % len(own)]
        yield "forge", one if number % 3 else Told(one.body, signed(one.body, SECRET, "push"))


def pinned_already(host: str) -> Iterator[Delivery]:
    """News of the newest versions, which nobody needs any more, each under an id of its own."""
    for number, image in enumerate(cycle("ab")):
        target = {
            "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
            "repository": f"shop/{image}",
            "tag": VERSIONS[-1],
            "url": f"http://{host}/v2/shop/{image}/manifests/{VERSIONS[-1]}",
        }
        event = {"id": f"again-{number}", "action": "push", "target": target, "request": {"host": host}}
        body = json.dumps({"events": [event]}).encode()
        headers = bearer(SECRET) | {"Content-Type": "application/vnd.docker.distribution.events.v2+json"}
        yield "pushes", Told(body, headers)


def deliver(agent: AgentProcess, deliveries: Sequence[Delivery]) -> Counter[int]:
    """Send all of them from a few addresses at once; how often each status was answered."""

    def send(number: int) -> list[int]:
        sender = Sender(agent.port, number)
        statuses = [
            sender.post(f"/webhook/{name}", one.body, one.headers)[0] for name, one in deliveries[number::THREADS]
        ]
        sender.close()
        return statuses

    with ThreadPoolExecutor(THREADS) as pool:
        return Counter(status for statuses in pool.map(send, range(THREADS)) for status in statuses)
