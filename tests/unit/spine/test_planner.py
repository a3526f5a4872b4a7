"""A pass that finds everything as it was decides nothing; whatever a decision depends on makes it decide again."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.spine import Spine

from agent.sources.image import ImageKind

PROBED = (
    "kind: Workload\nname: app\nsource: {kind: image, image: app, tag: '1', port: 80, healthcheck: {tcp: true}}\n"
    "env: {TOKEN: {secret: token}}\n"
)
SETTINGS = "kind: Settings\nname: settings\ndefault_network: other\n"


@pytest.fixture
def rested(spine: Spine) -> Spine:
    spine.secrets.values["token"] = "first"
    spine.deploy({"app": PROBED})
    spine.look()
    assert spine.phase("app") == ("Synced", "Converged")
    return spine


def decisions(spine: Spine, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the workloads that a plan is made for from now on."""
    made: list[str] = []
    plan = ImageKind.plan

    def counted(kind, workload, observed, situation):
        made.append(workload.name)
        return plan(kind, workload, observed, situation)

    monkeypatch.setattr(ImageKind, "plan", counted)
    return made


def container(spine: Spine) -> str:
    (one,) = [one.id for one in spine.engine.containers.values() if one.ours]
    return one


def test_a_pass_over_what_is_at_rest_decides_nothing_and_lists_once(rested, monkeypatch):
    made = decisions(rested, monkeypatch)
    before = len(rested.engine.calls)
    version = rested.board.version
    rested.look()
    assert made == []
    assert rested.engine.calls[before:] == ["list_containers"]
    assert rested.board.version == version


def rename(spine: Spine) -> None:
    spine.engine.rename(container(spine), "by-hand")


def limit(spine: Spine) -> None:
    spine.engine.containers[container(spine)].memory_limit = 1
    spine.observer.moved(spine.follower.state.desired.workloads["app"].id, container(spine))


def sicken(spine: Spine) -> None:
    spine.monitor._unhealthy = {container(spine): "3 checks in a row failed"}


CHANGES: dict[str, Callable[[Spine], object]] = {
    "killed": lambda spine: spine.engine.kill(container(spine)),
    "paused": lambda spine: spine.engine.pause(container(spine)),
    "removed": lambda spine: (spine.engine.stop(container(spine), 1), spine.engine.remove(container(spine))),
    "renamed": rename,
    "disconnected": lambda spine: spine.engine.disconnect(container(spine), "pierhead"),
    "limits": limit,
    "secret": lambda spine: spine.secrets.values.update(token="second"),
    "secret gone": lambda spine: spine.secrets.values.clear(),
    "document": lambda spine: spine.commit({"app": PROBED + "labels: {team: shop}\n"}),
    "settings": lambda spine: (spine.repository.commit({"settings.yaml": SETTINGS}), spine.commit({})),
    "suspended": lambda spine: spine.commit({"app": PROBED + "suspend: true\n"}),
    "unhealthy": sicken,
}


@pytest.mark.parametrize("name", CHANGES)
def test_whatever_a_decision_depends_on_is_noticed(name, rested, monkeypatch):
    made = decisions(rested, monkeypatch)
    CHANGES[name](rested)
    rested.look()
    assert "app" in made


def test_who_is_unhealthy_stays_so_until_it_is_well_again(rested, monkeypatch):
    sicken(rested)
    rested.look()
    rested.look()
    assert rested.phase("app") == ("Degraded", "Unhealthy")
    rested.monitor._unhealthy = {}
    rested.look()
    assert rested.phase("app") == ("Synced", "Converged")
    made = decisions(rested, monkeypatch)
    rested.look()
    assert made == []
