"""The webhook ingress on a real server: escaped addresses, many at once, and connections that outlive a refusal."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import httpx
import pytest
from fakes.ingress import FakeIngress
from support.signing import signed_by

from agent.web.app import create_ingress_app
from agent.web.options import WebOptions
from agent.web.server import Site, WebServer, webhook_outcomes

SECRET = "a/b c%2F+тайна"
ANY = "127.0.0.1:0"
DELIVERIES = 200


@pytest.fixture
def ingress() -> FakeIngress:
    return FakeIngress()


@pytest.fixture
def site(ingress: FakeIngress) -> Site:
    return Site(create_ingress_app(ingress, WebOptions(version="0", host="edge-1", max_body=10_000)), ANY)


@pytest.fixture
def address(site: Site) -> Iterator[str]:
    with WebServer([site]) as server:
        yield f"http://{server.addresses[0]}"


def image(number: int) -> bytes:
    return json.dumps({"image": f"shop/web:1.{number}"}).encode()


def test_a_token_in_the_address_may_hold_anything(address, ingress):
    ingress.add("shop.0", SECRET, auth="path")
    right = f"{address}/webhook/shop.0/{quote(SECRET, safe='')}"
    assert httpx.post(right, content=image(1)).status_code == 202
    assert httpx.post(f"{right}?more=1", content=image(2)).status_code == 202
    wrong = httpx.post(f"{address}/webhook/shop.0/{quote(SECRET)}", content=image(3))
    unknown = httpx.post(f"{address}/webhook/nothing/{quote(SECRET, safe='')}", content=image(3))
    assert (wrong.status_code, wrong.content) == (404, unknown.content)
    same = [[pair for pair in one.headers.raw if pair[0] != b"date"] for one in (wrong, unknown)]
    assert same[0] == same[1]


def test_many_deliveries_at_once_are_all_stored_and_counted(address, site, ingress):
    ingress.add("shop", SECRET)

    def deliver(number: int) -> int:
        body = image(number)
        return client.post("/webhook/shop", content=body, headers=signed_by("generic", SECRET, body)).status_code

    with httpx.Client(base_url=address) as client, ThreadPoolExecutor(16) as pool:
        codes = list(pool.map(deliver, range(DELIVERIES)))
    assert codes == [202] * DELIVERIES
    assert {event.image_tag for _, event in ingress.stored} == {f"1.{number}" for number in range(DELIVERIES)}
    assert webhook_outcomes([site]) == {("shop", "accepted"): DELIVERIES}


def test_a_connection_outlives_what_is_refused_on_it(address, ingress):
    ingress.add("shop", SECRET, auth="token")
    token = {"x-api-key": SECRET.encode()}
    with httpx.Client(base_url=address) as client:
        assert client.post("/webhook/shop", content=b"x" * 9_000).status_code == 401
        assert client.post("/webhook/no", content=b"x" * 9_000).status_code == 404
        assert client.get("/webhook/shop").status_code == 405
        assert client.post("/webhook/shop", content=b"x" * 10_001, headers=token).status_code == 413
        assert (
            client.post("/webhook/shop", content=b"<x/>", headers=token | {"content-type": "text/xml"}).status_code
            == 415
        )
        assert client.post("/webhook/shop", content=image(1), headers=token).status_code == 202


def test_bytes_that_are_no_http_do_no_harm(address, ingress):
    ingress.add("shop", SECRET, auth="token")
    host, port = address.removeprefix("http://").split(":")
    for start in (
        b"POST /webhook/\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /webhook/shop HTTP/1.1\r\nHost\r\n\r\n",
    ):
        with socket.create_connection((host, int(port)), timeout=5) as one:
            one.sendall(start + b"Connection: close\r\n\r\n")
            one.shutdown(socket.SHUT_WR)
            assert b" 500 " not in one.recv(4096)
    assert httpx.post(f"{address}/webhook/shop", headers={"x-api-key": SECRET.encode()}).status_code == 202
