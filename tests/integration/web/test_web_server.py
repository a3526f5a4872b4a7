"""The real server on loopback: streams, a graceful stop, one or two addresses, and raw bytes no client would send."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import httpx
import pytest
from fakes.view import END, NOW, FakeIngress, FakeView, workload

from agent.core.reasons import Phase, Reason
from agent.errors import Usage
from agent.web import server as server_module
from agent.web.options import WebOptions
from agent.web.server import WebServer, bind, serve, sites, split_address

SECRET = "hush"
ANY = "127.0.0.1:0"


@pytest.fixture
def view() -> Iterator[FakeView]:
    one = FakeView()
    yield one
    one.write_log(END)


@pytest.fixture
def options() -> WebOptions:
    return WebOptions(
        version="0.1.0", host="edge-1", config_secret=lambda: SECRET, max_body=1000, heartbeat=0.2, now=lambda: NOW
    )


@pytest.fixture
def server(view: FakeView, options: WebOptions) -> Iterator[WebServer]:
    with WebServer(sites(view, FakeIngress(), options, (ANY, ANY))) as one:
        yield one


def url(server: WebServer, path: str = "/") -> str:
    return f"http://{server.addresses[0]}{path}"


def events(response: httpx.Response) -> Iterator[str]:
    return (line.removeprefix("event: ") for line in response.iter_lines() if line.startswith("event: "))


def test_pages_and_metrics_are_served(server):
    for path in ("/", "/workloads/shop", "/events", "/problems", "/metrics", "/api/v1/status", "/static/page.css"):
        answer = httpx.get(url(server, path))
        assert answer.status_code == 200
        assert "server" not in answer.headers


def test_a_change_reaches_a_reader_within_a_second(server, view):
    with httpx.stream("GET", url(server, "/api/v1/stream"), timeout=5) as response:
        names = events(response)
        assert next(names) == "hello"
        began = time.monotonic()
        threading.Thread(target=view.change, args=("db",), kwargs={"message": "other"}).start()
        assert next(names) == "change"
        assert time.monotonic() - began < 1


def test_new_log_lines_reach_a_follower(server, view):
    with httpx.stream("GET", url(server, "/api/v1/workloads/shop/logs?follow=1&tail=1"), timeout=5) as response:
        lines = response.iter_lines()
        view.write_log("fresh")
        view.write_log(END)
        assert any('"fresh"' in line for line in lines)


def test_stopping_is_quick_although_streams_are_open(view, options):
    one = WebServer(sites(view, FakeIngress(), options, (ANY, ANY)))
    one.start()
    with contextlib.ExitStack() as stack:
        streams = [
            stack.enter_context(httpx.stream("GET", url(one, path), timeout=5))
            for path in ("/api/v1/stream", "/api/v1/stream", "/api/v1/workloads/shop/logs?follow=1")
        ]
        idle = stack.enter_context(httpx.Client())
        idle.get(url(one, "/healthz"))
        began = time.monotonic()
        one.stop()
        assert time.monotonic() - began < 2
        for stream in streams:
            for _ in stream.iter_raw():
                pass
    assert view.watchers == 0
    assert "web" not in [thread.name for thread in threading.enumerate()]
    one.stop()


def test_stopping_is_quick_although_a_reader_reads_nothing(view, options):
    one = WebServer(sites(view, FakeIngress(), options, (ANY, ANY)))
    one.start()
    view.log_lines = ("x" * 3000,) * 5000
    host, port = split_address(one.addresses[0], "")
    with socket.create_connection((host, port)) as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.sendall(b"GET /api/v1/workloads/shop/logs?follow=1&tail=5000 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert httpx.get(url(one, "/healthz")).status_code == 200
        began = time.monotonic()
        one.stop()
        assert time.monotonic() - began < 2.5


def test_a_reader_that_leaves_frees_its_place(view):
    options = WebOptions(version="0", host="h", max_streams=1, heartbeat=60)
    with WebServer(sites(view, FakeIngress(), options, (ANY, ANY))) as server:
        address = url(server, "/api/v1/stream")
        with httpx.stream("GET", address, timeout=5) as first:
            names = events(first)
            assert next(names) == "hello"
            assert httpx.get(address).status_code == 503
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            with httpx.stream("GET", address, timeout=5) as again:
                if again.status_code == 200:
                    return
        pytest.fail("the place was not freed")


def test_two_addresses_serve_two_apps(view, options):
    ingress = FakeIngress()
    with WebServer(sites(view, ingress, options, (ANY, "localhost:0"))) as server:
        status, webhooks = server.addresses
        headers = {"authorization": f"Bearer {SECRET}"}
        assert httpx.post(f"http://{webhooks}/webhook/config", headers=headers).status_code == 202
        assert httpx.post(f"http://{status}/webhook/config", headers=headers).status_code == 404
        assert httpx.get(f"http://{status}/").status_code == 200
        assert httpx.get(f"http://{webhooks}/").status_code == 404
        assert httpx.get(f"http://{webhooks}/healthz").status_code == 200
    assert ingress.moved == 1


def test_one_address_serves_everything(server):
    headers = {"authorization": f"Bearer {SECRET}"}
    assert httpx.post(url(server, "/webhook/config"), headers=headers, content=b"x" * 1000).status_code == 202
    assert httpx.post(url(server, "/webhook/config"), headers=headers, content=b"x" * 1001).status_code == 413


def test_a_chunked_body_is_counted(server):
    answer = httpx.post(
        url(server, "/webhook/config"),
        headers={"authorization": f"Bearer {SECRET}"},
        content=(b"x" * 100 for _ in range(50)),
    )
    assert answer.status_code == 413


def test_an_address_in_use_is_told_with_the_setting_to_change(server, view, options):
    taken = server.addresses[0]
    other = WebServer(sites(view, FakeIngress(), options, (ANY, taken)))
    with pytest.raises(Usage) as caught:
        other.start()
    assert f"listen.webhooks: {taken} is in use already" in str(caught.value)
    assert "ss -ltnp" in str(caught.value)
    other.stop()


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("192.0.2.1:8420", "is not an address of this machine"),
        ("no-such-host.invalid:8420", "cannot be used"),
        ("8420", "expected host:port"),
        ("localhost:http", "expected host:port"),
        ("localhost:99999", "expected host:port"),
        ("localhost:", "expected host:port"),
    ],
)
def test_an_address_that_cannot_be_had_is_told(address, words):
    with pytest.raises(Usage, match=words) as caught:
        bind(address, "listen.status")
    assert str(caught.value).startswith("listen.status: ")


@pytest.mark.parametrize(
    ("address", "parts"),
    [("127.0.0.1:80", ("127.0.0.1", 80)), ("[::1]:8420", ("::1", 8420)), (":8420", ("", 8420)), ("h:0", ("h", 0))],
)
def test_addresses_are_split(address, parts):
    assert split_address(address, "listen.status") == parts


@pytest.mark.skipif(not socket.has_ipv6, reason="the machine has no IPv6")
def test_an_ipv6_address_is_written_in_brackets(view, options):
    try:
        bind("[::1]:0", "listen.status").close()
    except Usage as error:
        pytest.xfail(f"no IPv6 loopback here: {error}")
    with WebServer(sites(view, FakeIngress(), options, ("[::1]:0", "[::1]:0"))) as server:
        assert server.addresses[0].startswith("[::1]:")
        assert httpx.get(url(server, "/healthz")).status_code == 200


def test_serve_blocks_until_it_is_told_to_stop(view, options):
    stop = threading.Event()
    probe = bind(ANY, "")
    address = f"127.0.0.1:{probe.getsockname()[1]}"
    probe.close()
    thread = threading.Thread(target=serve, args=(sites(view, FakeIngress(), options, (address, address)), stop))
    thread.start()
    deadline = time.monotonic() + 5
    answered = False
    while not answered and time.monotonic() < deadline:
        with contextlib.suppress(httpx.ConnectError):
            answered = httpx.get(f"http://{address}/healthz").status_code == 200
    stop.set()
    thread.join(3)
    assert answered
    assert not thread.is_alive()


def test_without_uvloop_the_standard_loop_is_used(view, options, monkeypatch):
    monkeypatch.setattr(server_module.importlib.util, "find_spec", lambda name: None)
    with WebServer(sites(view, FakeIngress(), options, (ANY, ANY))) as server:
        assert httpx.get(url(server, "/healthz")).status_code == 200


def raw(server: WebServer, data: bytes) -> bytes:
    with socket.create_connection(split_address(server.addresses[0], ""), timeout=5) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            while part := connection.recv(65536):
                answer += part
        return answer


@pytest.mark.parametrize(
    "line",
    [
        b"GET /\xff\xfe HTTP/1.1",
        b"GET /%ff%fe HTTP/1.1",
        b"GET /static/../../etc/passwd HTTP/1.1",
        b"GET /static/%2e%2e/%2e%2e/app.py HTTP/1.1",
        b"GET /workloads/%00 HTTP/1.1",
        b"GET http://evil.example/ HTTP/1.1",
        b"GET //evil.example/ HTTP/1.1",
        b"GET /events?limit=%ff&%00=%00&severity HTTP/1.1",
        b"BREW / HTTP/1.1",
        b"GET / HTTP/9.9",
        b"\x00\x01\x02",
        b"CONNECT evil.example:443 HTTP/1.1",
    ],
)
def test_no_request_line_breaks_the_server(server, line):
    answer = raw(server, line + b"\r\nHost: \xff<script>\r\nConnection: close\r\n\r\n")
    assert not answer.startswith(b"HTTP/1.1 5")
    assert b"root:" not in answer
    assert httpx.get(url(server, "/healthz")).status_code == 200


def test_a_large_page_does_not_hold_up_others(server, view):
    many = {
        f"w{n:04}": workload(f"w{n:04}", Phase.DEGRADED, Reason.QUARANTINED, "a message " * 30) for n in range(2000)
    }
    view.set(workloads=many)
    slow = threading.Thread(target=lambda: httpx.get(url(server), timeout=30))
    with httpx.Client() as client:
        client.get(url(server, "/healthz"))
        slow.start()
        waits = []
        while slow.is_alive():
            began = time.perf_counter()
            client.get(url(server, "/healthz"))
            waits.append(time.perf_counter() - began)
    assert len(waits) > 3
    assert sorted(waits)[len(waits) // 2] < 0.15
