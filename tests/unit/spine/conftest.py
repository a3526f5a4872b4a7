"""An agent of real parts between fakes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.spine import Spine


@pytest.fixture
def spine(tmp_path: Path) -> Iterator[Spine]:
    built = Spine(tmp_path)
    yield built
    built.close()
