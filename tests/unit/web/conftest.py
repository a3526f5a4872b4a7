"""A page of the believable host, without a socket."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fakes.view import END, NOW, FakeIngress, FakeView
from support.asgi import Client

from agent.web.app import create_app
from agent.web.options import WebOptions

SECRET = "It's a Secret to Everybody"


@pytest.fixture
def view() -> Iterator[FakeView]:
    one = FakeView()
    yield one
    one.write_log(END)


@pytest.fixture
def ingress() -> FakeIngress:
    return FakeIngress()


@pytest.fixture
def options() -> WebOptions:
    return WebOptions(
        version="0.1.0", host="edge-1", config_secret=lambda: SECRET, max_body=1000, heartbeat=0.05, now=lambda: NOW
    )


@pytest.fixture
def client(view: FakeView, ingress: FakeIngress, options: WebOptions) -> Iterator[Client]:
    with Client(create_app(view, ingress, options)) as one:
        yield one
