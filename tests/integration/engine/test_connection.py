"""An engine that is away, comes, goes and comes back; and events across all that. The engine itself is left alone:
a relay between agent and engine is what breaks.
"""

from __future__ import annotations

import gc
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from agent.core.policy import HostPolicy
from agent.core.reasons import Reason
from agent.engine.client import DockerEngine
from agent.errors import Transient

pytestmark = pytest.mark.engine
ENGINE = "/var/run/docker.sock"


def wait_for(condition, seconds: float = 10.0):
    """The first true value of `condition()`; fails when there is none in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError("did not happen in time")


class Relay:
    """A socket that passes everything on to the real engine while it is open."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._open: list[socket.socket] = []
        self._listener: socket.socket | None = None

    def open(self) -> None:
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self._path))
        self._listener.listen(32)
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.socket(socket.AF_UNIX)
                far.connect(ENGINE)
                self._open += [near, far]
                for source, target in ((near, far), (far, near)):
                    threading.Thread(target=self._pass_on, args=(source, target), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        if self._listener is not None:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._path.unlink()
            self._listener = None
        for one in self._open:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self._open.clear()


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[Relay]:
    made = Relay(tmp_path / "engine.sock")
    yield made
    made.close()


@pytest.fixture
def engine(real, tmp_path: Path) -> Iterator[DockerEngine]:
    """The same host name as `real`, through the relay."""
    made = DockerEngine(f"unix://{tmp_path}/engine.sock", real.host, tmp_path, HostPolicy())
    yield made
    made.close()


@contextmanager
def watching(engine: DockerEngine) -> Iterator[list]:
    seen: list = []
    stop = threading.Event()

    def watch() -> None:
        for event in engine.events(stop.is_set):
            seen.append(event)  # noqa: PERF402 - the test looks meanwhile

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        started = time.monotonic()
        thread.join(5)
        assert not thread.is_alive()
        assert time.monotonic() - started < 1.0


# The SDK leaves a socket to the garbage collector when an engine goes away between two calls.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_engine_that_is_away_is_told_and_found_again_without_a_restart(engine, relay):
    with pytest.raises(Transient) as caught:
        engine.list_containers()
    assert caught.value.reason is Reason.ENGINE_UNREACHABLE
    assert "start docker" in caught.value.advice
    relay.open()
    assert engine.list_containers() == ()
    relay.close()
    with pytest.raises(Transient):
        engine.list_containers()
    gc.collect()
    relay.open()
    assert engine.list_containers() == ()


def test_a_socket_that_may_not_be_used_is_told_with_the_group_to_join(real, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody who may not")
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.setgid(65534)
        os.setuid(65534)
        try:
            DockerEngine(f"unix://{ENGINE}", "t-nobody", tmp_path, HostPolicy()).list_containers()
            os.write(writer, b"allowed")
        except Transient as error:
            os.write(writer, f"{error.reason}: {error}".encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answer:
        told = answer.read()
    os.waitpid(child, 0)
    assert told.startswith("EngineForbidden")
    assert "docker" in told


def test_events_go_on_after_a_break_and_say_that_some_may_be_missing(engine, relay, real):
    relay.open()
    with watching(engine) as seen:
        wait_for(lambda: seen and seen[0].lost)
        container = real.engine.create(real.action(), {})
        wait_for(lambda: any(one.container_id == container for one in seen))
        relay.close()
        real.engine.rename(container, real.name(".missed"))
        relay.open()
        wait_for(lambda: [one.lost for one in seen].count(True) == 2)
        real.engine.rename(container, real.name(".seen"))
        wait_for(lambda: seen[-1].action == "rename")
        assert seen[-1].workload_id == "abcd1234"


def test_waiting_for_an_engine_that_is_away_ends_at_once_when_asked(engine):
    with watching(engine) as seen:
        time.sleep(0.6)
        assert seen == []


def test_a_network_that_somebody_disconnects_is_an_event_of_its_container(real):
    network = real.name("-net")
    real.engine.create_network(network)
    container = real.engine.create(real.action(networks=(network,)), {})
    real.engine.start(container)
    real.engine.list_containers()
    with watching(real.engine) as seen:
        wait_for(lambda: seen and seen[0].lost)
        real.client.disconnect_container_from_network(container, network)
        wait_for(lambda: seen[-1].action == "disconnect")
        assert (seen[-1].container_id, seen[-1].workload_id) == (container, "abcd1234")


def test_events_of_others_are_not_told(real):
    with watching(real.engine) as seen:
        wait_for(lambda: seen and seen[0].lost)
        foreign = real.client.create_container("ph-test/busybox:1", labels={"pierhead-test": real.host})
        container = real.engine.create(real.action(), {})
        wait_for(lambda: len(seen) > 1)
        assert {one.container_id for one in seen[1:]} == {container}
        real.client.remove_container(foreign["Id"])


def test_many_threads_share_one_engine(real):
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for _ in range(5):
                container = real.engine.create(real.action(f".{number}"), {})
                real.engine.inspect(container)
                real.engine.remove(container)
        except BaseException as error:  # noqa: BLE001 - reported below
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert real.engine.list_containers() == ()
