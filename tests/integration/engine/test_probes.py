"""Probes against real sockets: every way in which something can answer, not answer, or answer nonsense."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from support.registry import answering, broken_registry, free_port

from agent.core.model import HealthCheck
from agent.engine.probes import probe


def http(port: int, timeout: float = 2.0, path: str = "/healthz") -> HealthCheck:
    return HealthCheck(http=path, port=port, timeout=timeout)


@contextmanager
def server(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """Accepts one connection after the other and lets `talk` treat it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ended = threading.Event()

        def serve() -> None:
            while not ended.is_set():
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    talk(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield int(listener.getsockname()[1])
        ended.set()
        socket.create_connection(listener.getsockname()).close()
        thread.join(5)


def send(data: bytes) -> Callable[[socket.socket], None]:
    def talk(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(data)

    return talk


@pytest.mark.parametrize("status", [200, 204, 301, 302, 399])
def test_an_answer_below_400_is_healthy_and_redirects_are_not_followed(status):
    with broken_registry(answering(status)) as host:
        assert probe("127.0.0.1", http(int(host.split(":")[1]))) is None


@pytest.mark.parametrize("status", [400, 404, 500, 503])
def test_any_other_answer_is_told(status):
    with broken_registry(answering(status)) as host:
        found = probe("127.0.0.1", http(int(host.split(":")[1])))
    assert found is not None
    assert f"GET /healthz answered {status}" in found


def test_the_path_and_the_host_are_asked_for():
    asked = []
    with server(
        lambda connection: (asked.append(connection.recv(1000)), connection.sendall(b"HTTP/1.1 200 OK\r\n"))
    ) as port:
        assert probe("127.0.0.1", http(port, path="/a?b=c")) is None
    assert asked[0].startswith(f"GET /a?b=c HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n".encode())


def test_nothing_that_listens_is_told_at_once():
    started = time.monotonic()
    assert probe("127.0.0.1", http(free_port())).endswith("Connection refused")
    assert time.monotonic() - started < 0.5


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", "found ''"),
        (b"hello\n", "found 'hello'"),
        (b"HTTP/1.1 abc\n", "found 'HTTP/1.1 abc'"),
        (b"x" * 9000, "found"),
    ],
)
def test_what_does_not_speak_http_is_not_healthy(data, found):
    with server(send(data)) as port:
        answer = probe("127.0.0.1", http(port))
    assert answer is not None
    assert "expected an HTTP answer" in answer
    assert found in answer


def test_a_status_line_may_come_in_pieces():
    def talk(connection: socket.socket) -> None:
        connection.recv(1000)
        for piece in (b"HT", b"TP/1.0 2", b"00 OK\r\n"):
            connection.sendall(piece)
            time.sleep(0.02)

    with server(talk) as port:
        assert probe("127.0.0.1", http(port)) is None


def test_a_server_that_never_answers_takes_no_longer_than_the_time_limit():
    release = threading.Event()
    with server(lambda _: release.wait(5)) as port:
        started = time.monotonic()
        answer = probe("127.0.0.1", http(port, timeout=0.3))
        elapsed = time.monotonic() - started
        release.set()
    assert answer is not None
    assert "connected, but no answer within the time limit" in answer
    assert 0.3 <= elapsed < 0.6


def test_a_probe_that_nobody_needs_any_more_ends_within_a_moment():
    release, nobody = threading.Event(), threading.Event()
    with server(lambda _: release.wait(5)) as port:
        threading.Timer(0.2, nobody.set).start()
        started = time.monotonic()
        answer = probe("127.0.0.1", http(port, timeout=5), nobody.is_set)
        elapsed = time.monotonic() - started
        release.set()
    assert answer is not None
    assert answer.endswith("abandoned")
    assert elapsed < 0.5


def test_tcp_asks_for_a_connection_only():
    with server(lambda _: None) as port:
        assert probe("127.0.0.1", HealthCheck(tcp=True, port=port)) is None
    assert probe("127.0.0.1", HealthCheck(tcp=True, port=free_port())) is not None


def test_an_address_that_nobody_has_is_told_within_the_time_limit():
    started = time.monotonic()
    assert probe("192.0.2.1", HealthCheck(tcp=True, port=80, timeout=0.3)) is not None
    assert time.monotonic() - started < 0.6


def test_a_check_without_a_port_is_told():
    assert probe("127.0.0.1", HealthCheck(http="/")) == "no port is known to probe"


def test_a_connection_that_is_reset_is_told():
    def reset(connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")

    with server(reset) as port:
        assert probe("127.0.0.1", http(port)) is not None


def test_a_probe_costs_a_few_milliseconds():
    with broken_registry(answering(200)) as host:
        check = http(int(host.split(":")[1]))
        times = []
        for _ in range(20):
            started = time.perf_counter()
            assert probe("127.0.0.1", check) is None
            times.append(time.perf_counter() - started)
    assert sorted(times)[10] < 0.02
