"""A real engine for each test, under a host name of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.engine_fixtures import RealEngine, real_engine


@pytest.fixture
def real(tmp_path: Path) -> Iterator[RealEngine]:
    """The engine under a fresh host name, cleaned up afterwards."""
    with real_engine(tmp_path / "volumes") as engine:
        yield engine
