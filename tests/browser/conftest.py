"""The page of the believable host in a real browser."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fakes.view import END, FakeIngress, FakeView

from agent.web.options import WebOptions
from agent.web.server import WebServer, sites

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="module")
def browser(browser_path: str) -> Iterator[Any]:
    """Per module: as long as Playwright runs, no other event loop can run in this thread."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        one = playwright.chromium.launch(executable_path=browser_path, args=list(FLAGS))
        yield one
        one.close()


@pytest.fixture
def view() -> Iterator[FakeView]:
    one = FakeView()
    yield one
    one.write_log(END)


@pytest.fixture
def address(view: FakeView) -> Iterator[str]:
    """Where the page is; its clock runs from the moment of the fake's data."""
    from fakes.view import NOW

    began = time.monotonic()
    options = WebOptions(version="0.1.0", host="edge-1", now=lambda: NOW + time.monotonic() - began)
    with WebServer(sites(view, FakeIngress(), options, ("127.0.0.1:0", "127.0.0.1:0"))) as server:
        yield f"http://{server.addresses[0]}"


@pytest.fixture
def open_page(browser: Any, address: str) -> Iterator[Callable[..., Any]]:
    """Opens a path in a fresh profile; whatever the console complains about fails the test."""
    contexts, complaints = [], []

    def open_one(path: str = "/", **options: Any) -> Any:
        context = browser.new_context(locale="en-GB", **options)
        context.set_default_timeout(10_000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(address + path)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert [text for text in complaints if "404 (Not Found)" not in text] == []  # of a page that went away
