from __future__ import annotations

import subprocess
import sys

import pytest
from fakes.clock import FakeClock

from agent.core.reasons import Reason
from agent.errors import PierheadError, Stalled
from agent.registries.late import LateClient


def refuses(registry: str | None, image: str) -> None:
    raise Stalled(Reason.SECRET_MISSING, f"no login for {image} at {registry}")


def test_nothing_is_made_before_the_first_question_nor_to_be_closed():
    client = LateClient(refuses, FakeClock())
    assert client.limits() == {}
    client.close()


@pytest.mark.parametrize(
    "ask",
    [
        lambda client: client.tags("registry.example.com/a", "own"),
        lambda client: client.digest("registry.example.com/a", "1", "own"),
        lambda client: client.created("registry.example.com/a", "1", "own"),
    ],
)
def test_every_question_goes_to_the_client_which_is_made_once(ask):
    client = LateClient(refuses, FakeClock())
    for _ in range(2):
        with pytest.raises(PierheadError, match=r"no login for registry\.example\.com/a at own"):
            ask(client)
    assert client.limits() == {}
    client.close()


def test_an_agent_that_follows_no_registry_has_no_http_client_in_memory():
    code = "import sys, agent.wiring; sys.exit('httpx' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
