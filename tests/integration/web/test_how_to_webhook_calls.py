"""The calls that the page about any sender shows, pasted into a shell and taken by the real server."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator

import pytest
from fakes.view import END, FakeIngress, FakeView
from support.project import DOCS

from agent.web.options import WebOptions
from agent.web.server import WebServer, sites

SECRET = "9f86d081884c7d659a2feaa0c55ad015"
CALL = re.compile(r"^```console\n((?:(?!^```).)*?^curl .*?)^```", re.MULTILINE | re.DOTALL)
AGENT = "http://127.0.0.1:8420"
CASES = [(0, "signature"), (1, "token")]

pytestmark = [pytest.mark.program("curl"), pytest.mark.program("openssl")]


def calls() -> list[str]:
    return CALL.findall((DOCS / "how-to" / "webhooks" / "generic.md").read_text(encoding="utf-8"))


@pytest.fixture
def ingress() -> FakeIngress:
    return FakeIngress()


@pytest.fixture
def server(ingress: FakeIngress) -> Iterator[WebServer]:
    view = FakeView()
    with WebServer(sites(view, ingress, WebOptions(version="0.1.0", host="edge-1"), ("127.0.0.1:0",) * 2)) as one:
        yield one
    view.write_log(END)


def shell(script: str, server: WebServer) -> subprocess.CompletedProcess[str]:
    assert AGENT in script
    command = ["sh", "-c", script.replace(AGENT, f"http://{server.addresses[0]}")]
    environment = {**os.environ, "BUILD_HOOK": SECRET}
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=30, check=False)


def test_the_page_shows_a_signed_call_and_one_with_a_token() -> None:
    assert len(calls()) == 2


@pytest.mark.parametrize(("number", "auth"), CASES)
def test_a_call_that_is_shown_is_accepted(server: WebServer, ingress: FakeIngress, number: int, auth: str) -> None:
    ingress.add("builds", SECRET, vendor="generic", auth=auth)
    done = shell(calls()[number], server)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["outcome"] == "accepted"
    assert [event.text for _, event in ingress.stored] == [f"image registry.example.com/shop/web:1.4.{3 + number}"]


@pytest.mark.parametrize(("number", "auth"), CASES)
def test_a_call_with_another_secret_is_refused(server: WebServer, ingress: FakeIngress, number: int, auth: str) -> None:
    ingress.add("builds", f"{SECRET}0", vendor="generic", auth=auth)
    done = shell(calls()[number], server)
    assert done.returncode != 0
    assert json.loads(done.stdout)["error"]["reason"] == "Unauthorized"
    assert ingress.stored == []
