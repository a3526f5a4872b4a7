"""The runtime of one agent's triggers on a journal of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.dispatch import Agent, World


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def agent(world: World, tmp_path: Path) -> Iterator[Agent]:
    one = Agent(world, tmp_path / "data")
    yield one
    one.close()
