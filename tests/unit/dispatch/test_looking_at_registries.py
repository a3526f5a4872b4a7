"""Looks at registries: one for each image, each new version told once, and what is known kept over restarts."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes.dispatch import IMAGE, Agent, World, workload

from agent.core.reasons import Reason
from agent.dispatch.poller import Target
from agent.dispatch.registry_watch import State
from agent.errors import Transient

REGISTRY = "kind: Trigger\nname: hub\nsignal: {kind: registry, image: %s, interval: 1m, policy: {semver: '>=1'}}\n"
HUB = REGISTRY % IMAGE
BOUND = "[{trigger: hub}]"


def targets(agent: Agent) -> list[Target]:
    return list(agent.registry_watcher.targets())


def look(agent: Agent) -> float | None:
    """One look at the only image there is."""
    [target] = targets(agent)
    again = agent.registry_watcher.look(target)
    agent.work()
    agent.clock.advance(60)
    return again


def test_a_new_version_is_written(agent: Agent, world: World) -> None:
    agent.commit({"triggers/hub.yaml": HUB, "workloads/web.yaml": workload("web", "1.0.0", triggers=BOUND)})
    for tag in ("1.0.0", "1.1.0", "0.9.0", "latest"):
        world.registry.push(IMAGE, tag)
    look(agent)
    assert "'1.1.0'" in world.content("workloads/web.yaml")
    look(agent)
    assert len(agent.publisher.published) == 1


def test_one_look_serves_all_who_wait_for_an_image_as_often_as_the_hastiest_wants(agent: Agent, world: World) -> None:
    api = workload("api", "1.0.0", triggers="[{trigger: hub, with: {interval: 30s, policy: {semver: '<2'}}}]")
    web = workload(
        "web",
        "1.0.0",
        triggers=f"[{{trigger: hub}}, {{kind: registry, image: {IMAGE}, policy: digest, action: restart}}]",
    )
    agent.commit({"triggers/hub.yaml": HUB, "workloads/api.yaml": api, "workloads/web.yaml": web})
    [target] = targets(agent)
    assert (target.interval, target.host, target.triggers) == (30.0, "registry.example.com", ("hub", "web.2"))
    for tag in ("1.0.0", "1.5.0", "2.0.0"):
        world.registry.push(IMAGE, tag)
    look(agent)
    assert world.registry.asked.count(IMAGE) == 1
    assert "'1.5.0'" in world.content("workloads/api.yaml")
    assert "'2.0.0'" in world.content("workloads/web.yaml")


def test_hosts_are_those_that_are_asked(agent: Agent) -> None:
    registry = "kind: Registry\nname: company\nhost: registry.company.example:5000\n"
    triggers = (
        "[{kind: registry, image: nginx, policy: digest},"
        " {kind: registry, image: team/app, registry: company, policy: digest}]"
    )
    agent.commit({"registries/c.yaml": registry, "workloads/web.yaml": workload("web", triggers=triggers)})
    assert {one.host for one in targets(agent)} == {"docker.io", "registry.company.example:5000"}


@pytest.mark.parametrize("more", ["suspend: true\n", ""])
def test_nobody_looks_for_what_is_suspended_or_disabled(agent: Agent, more: str) -> None:
    bound = BOUND if more else "[{trigger: hub, enabled: false}]"
    agent.commit({"triggers/hub.yaml": HUB, "workloads/web.yaml": workload("web", triggers=bound, more=more)})
    assert targets(agent) == []


def test_what_is_only_reported_is_told_once_also_over_a_restart_and_is_shown_again(
    agent: Agent, world: World, tmp_path: Path
) -> None:
    more = "update: {via: none}\n"
    web = workload("web", "1.0.0", triggers=BOUND, more=more)
    agent.commit({"triggers/hub.yaml": HUB, "workloads/web.yaml": web})
    for tag in ("1.0.0", "1.1.0"):
        world.registry.push(IMAGE, tag)
    for _ in range(3):
        look(agent)
    assert agent.reasons("info") == ["UpdateAvailable"]
    agent.journal.close()
    again = Agent(world, tmp_path / "data")
    again.follow()
    look(again)
    assert again.reasons("info") == ["UpdateAvailable"]
    assert again.teller.board.pending["web"].text == f"{IMAGE} 1.0.0 → 1.1.0"
    world.registry.push(IMAGE, "1.2.0")
    look(again)
    assert again.reasons("info") == ["UpdateAvailable"] * 2
    again.commit({"workloads/web.yaml": workload("web", "1.2.0", triggers=BOUND, more=more)})
    assert again.teller.board.pending == {}
    again.close()


def test_a_redeploy_follows_each_version_once_and_not_the_first(agent: Agent, world: World, tmp_path: Path) -> None:
    triggers = "[{trigger: hub, action: redeploy}]"
    agent.commit({"triggers/hub.yaml": HUB, "workloads/web.yaml": workload("web", "1.0.0", triggers=triggers)})
    world.registry.push(IMAGE, "1.1.0")
    look(agent)
    look(agent)
    assert agent.asked() == []
    world.registry.push(IMAGE, "1.2.0")
    look(agent)
    assert agent.asked() == [("web", "redeploy")]
    agent.journal.close_request(agent.journal.requests()[0].id, "done")
    agent.journal.close()
    again = Agent(world, tmp_path / "data")
    again.follow()
    look(again)
    assert again.asked() == []
    again.close()


def test_a_version_waits_until_it_is_old_enough_counted_from_when_it_was_first_seen(
    agent: Agent, world: World, tmp_path: Path
) -> None:
    hub = HUB.replace("interval: 1m", "interval: 1m, min_age: 10m")
    agent.commit({"triggers/hub.yaml": hub, "workloads/web.yaml": workload("web", "1.0.0", triggers=BOUND)})
    world.registry.push(IMAGE, "1.0.0")
    world.registry.push(IMAGE, "1.1.0")
    assert look(agent) == 600.0
    agent.journal.close()
    again = Agent(world, tmp_path / "data")
    again.follow()
    [target] = targets(again)
    assert again.registry_watcher.looked_at(target.key) == again.clock.now() - 60
    assert look(again) == 540.0
    again.clock.advance(480)
    look(again)
    assert "'1.1.0'" in world.content("workloads/web.yaml")
    again.close()


def test_the_newest_by_creation_is_found_by_asking_for_each_tag_once(agent: Agent, world: World) -> None:
    hub = HUB.replace("{semver: '>=1'}", "newest")
    agent.commit({"triggers/hub.yaml": hub, "workloads/web.yaml": workload("web", "old", triggers=BOUND)})
    for number, tag in enumerate(("old", "new", "middle")):
        world.registry.push(IMAGE, tag)
        world.registry.made[(IMAGE, tag)] = [1.0, 3.0, 2.0][number]
    look(agent)
    look(agent)
    assert "'new'" in world.content("workloads/web.yaml")
    assert sum("created" in one for one in world.registry.asked) == 3


def test_a_pinned_digest_follows_its_tag(agent: Agent, world: World) -> None:
    a, b = (f"sha256:{letter * 64}" for letter in "ab")
    web = f"kind: Workload\nname: web\nsource: {{kind: image, image: {IMAGE}, tag: '1', digest: '{a}'}}\n"
    hub = HUB.replace("{semver: '>=1'}", "digest")
    agent.commit({"triggers/hub.yaml": hub, "workloads/web.yaml": f"{web}triggers: {BOUND}\n"})
    world.registry.push(IMAGE, "1", a)
    look(agent)
    assert agent.publisher.tries == 0
    world.registry.push(IMAGE, "1", b)
    look(agent)
    assert b in world.content("workloads/web.yaml")


def test_why_nothing_fires_is_told_when_it_changes(agent: Agent, world: World) -> None:
    agent.commit({"triggers/hub.yaml": HUB, "workloads/web.yaml": workload("web", "1.0.0", triggers=BOUND)})
    world.registry.push(IMAGE, "1.0.0")
    for _ in range(3):
        look(agent)
    assert agent.reasons("debug") == ["TriggerNotFired"]
    meant = agent.teller.board.meant_for("web", "hub", 0)
    assert meant is not None
    assert "comes after 1.0.0" in meant.why


def test_an_update_that_cannot_be_written_is_not_stored_at_each_look(agent: Agent, world: World) -> None:
    agent.commit({"triggers/hub.yaml": HUB, "workloads/web.yaml": workload("web", "1.0.0", triggers=BOUND)})
    world.registry.push(IMAGE, "1.1.0")
    agent.publisher.refusal = Transient(Reason.REPOSITORY_UNREACHABLE, "away")
    for _ in range(10):
        look(agent)
    assert agent.journal.inbox_depth() == 1


def test_a_look_at_what_is_gone_is_none(agent: Agent) -> None:
    agent.commit({"triggers/hub.yaml": HUB, "workloads/web.yaml": workload("web", triggers=BOUND)})
    [target] = targets(agent)
    agent.commit({"workloads/web.yaml": workload("web", triggers="[]")})
    assert agent.registry_watcher.look(target) is None


def test_nothing_is_watched_before_the_repository_was_read(agent: Agent) -> None:
    assert targets(agent) == []
    assert agent.git_watcher.targets() == ()


def test_a_bad_image_name_is_its_own_host() -> None:
    from agent.dispatch.registry_watch import _repository

    assert _repository("UPPER//x") == "UPPER//x"


@pytest.mark.parametrize("data", [None, b"{", b"[]", b'{"looked": "x"}', b'{"seen": 5}'])
def test_a_state_that_cannot_be_read_is_none_at_all(data: bytes | None) -> None:
    assert State.from_bytes(data) == State()
