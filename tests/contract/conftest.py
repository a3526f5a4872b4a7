"""Two engines, one behaviour: each test of this folder runs on the fake and on a real Docker Engine."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fakes.containers import Behaviour
from fakes.engine import FakeEngine
from support import images
from support.engine_fixtures import RealEngine, real_engine

from agent.core.actions import CreateContainer
from agent.core.container import ContainerSpec
from agent.ports import Engine

EXITS = "ph-test/exits:1"


@dataclass(frozen=True)
class EngineUnderTest:
    """What a contract test needs beyond the port: other people's doings, and names of its own."""

    engine: Engine
    prefix: str
    add_foreign: Callable[[str], str]
    foreign_state: Callable[[str], str]
    pause: Callable[[str], None]
    volume_exists: Callable[[str], bool]

    def action(self, suffix: str = "", *, fingerprint: str = "1:abcdef", **fields: Any) -> CreateContainer:
        """A container that sleeps, without networks, unless told otherwise."""
        defaults = {"workload": "web", "workload_id": "abcd1234", "image": images.BUSYBOX, "networks": ("none",)}
        return CreateContainer(
            self.prefix + suffix, ContainerSpec(**(defaults | fields)), fingerprint, "c0ffee", "active"
        )

    def running(self, suffix: str = "", **fields: Any) -> str:
        """The id of a container that was created and started."""
        container = self.engine.create(self.action(suffix, **fields), {})
        self.engine.start(container)
        return container

    def state(self, container: str) -> str | None:
        found = self.engine.exists(container)
        return found.state if found is not None else None


def _fake() -> EngineUnderTest:
    engine = FakeEngine()
    engine.images |= {images.BUSYBOX: None, EXITS: None}
    engine.behaviours[EXITS] = Behaviour(exit_code=1, output=("cannot read settings",))
    return EngineUnderTest(
        engine=engine,
        prefix="fake",
        add_foreign=engine.add_foreign,
        foreign_state=lambda container: engine.containers[container].state,
        pause=engine.pause,
        volume_exists=engine.volumes.__contains__,
    )


def _real(real: RealEngine) -> EngineUnderTest:
    images.exits_image(real.client, EXITS)

    def add_foreign(name: str) -> str:
        labels = {"pierhead-test": real.host, "pierhead.host": f"{real.host}-other"}
        made = real.client.create_container(images.BUSYBOX, name=name, labels=labels)
        real.client.start(made["Id"])
        return str(made["Id"])

    return EngineUnderTest(
        engine=real.engine,
        prefix=real.name(),
        add_foreign=add_foreign,
        foreign_state=lambda container: real.client.inspect_container(container)["State"]["Status"],
        pause=real.client.pause,
        volume_exists=lambda name: any(
            one["Name"] == name for one in real.client.volumes(filters={"name": name})["Volumes"] or ()
        ),
    )


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.engine)])
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[EngineUnderTest]:
    """The engine under test."""
    if request.param == "fake":
        yield _fake()
        return
    with real_engine(tmp_path) as real:
        yield _real(real)


@pytest.fixture
def unique() -> str:
    """A name that nothing else has."""
    return f"t-{uuid.uuid4().hex[:12]}"
