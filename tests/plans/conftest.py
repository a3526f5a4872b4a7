"""`pytest tests/plans --update-plans` writes the expected texts anew; read the difference before committing it."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-plans", action="store_true", help="write tests/plans/*/expected.txt anew")
