from __future__ import annotations

import os
import pty
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.demo.alone import alone
from agent.demo.images import find_busybox
from agent.demo.place import HOST
from agent.engine.connection import Connection

TIME_LIMIT = 180
SOCKET = "unix:///var/run/docker.sock"

pytestmark = [pytest.mark.engine, pytest.mark.program("busybox"), pytest.mark.timeout(TIME_LIMIT + 30)]


def pierhead(*words: str) -> list[str]:
    return [sys.executable, "-m", "agent", *words]


def left_over() -> list[str]:
    """Names of containers, volumes and networks that carry the demo's host name."""
    connection = Connection(os.environ.get("DOCKER_HOST", SOCKET))
    filters = {"label": f"pierhead.host={HOST}"}
    with connection.calling("look for what the demo left") as client:
        found = [one["Names"][0] for one in client.containers(all=True, filters=filters)]
        found += [one["Name"] for one in client.volumes(filters=filters)["Volumes"] or []]
        found += [one["Name"] for one in client.networks(filters=filters)]
    connection.close()
    return found


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "demo"
    yield folder
    subprocess.run(pierhead("demo", "--directory", str(folder), "--clean"), check=False, timeout=60)


def test_the_demo_keeps_its_promises_and_leaves_nothing(place):
    command = pierhead("demo", "--directory", str(place))
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIME_LIMIT, check=False)
    told = done.stdout
    assert done.returncode == 0, told + done.stderr
    assert "no registry is asked" in told
    assert "page: http://127.0.0.1:8420/" in told
    for name in ("db", "shop", "mailer", "reports", "handbook"):
        assert re.search(rf"^ +{name} +Synced ", told, re.MULTILINE), told
    assert re.search(r"^ +old-shop +Suspended ", told, re.MULTILINE)
    assert told.index("answers with version 1.0.0") < told.index("answers with version 1.1.0")
    assert "Notes (pierhead/pierhead-demo)" in told
    assert 'is answered 202 {"outcome": "accepted", "events": ["' in told
    assert "Pierhead: handbook: docker.io/pierhead-demo/handbook 1.0.0 → 1.1.0" in told
    assert "agent stopped (exit code 0)" in told
    assert left_over() == []


def test_its_history_can_be_read_afterwards_from_the_repository_alone(place):
    command = pierhead("demo", "--directory", str(place))
    subprocess.run(command, capture_output=True, timeout=TIME_LIMIT, check=True)
    repository = str(place / "repository")
    status = subprocess.run(pierhead("status", "--repo", repository), capture_output=True, text=True, check=True)
    assert "shop" in status.stdout
    events = subprocess.run(pierhead("events", "--repo", repository), capture_output=True, text=True, check=True)
    assert events.stdout.count("Deployed") >= 6
    secret = (place / "host" / "secrets" / "db-password").read_text(encoding="utf-8")
    history = subprocess.run(
        ["git", "-C", repository, "log", "--all", "--patch", "--notes=pierhead/*"], capture_output=True, check=True
    )
    for values in (secret.encode(), b"token-of-the-example-mailer"):
        assert values not in history.stdout


def test_in_a_terminal_it_runs_until_ctrl_c(place):
    controller, terminal = pty.openpty()
    with subprocess.Popen(
        pierhead("demo", "--directory", str(place)), stdout=terminal, stderr=subprocess.STDOUT
    ) as process:
        os.close(terminal)
        told = read_until(controller, "Ctrl-C ends it")
        process.send_signal(signal.SIGINT)
        told += read_until(controller, "the history stays")
        assert process.wait(30) == 0, told
    os.close(controller)
    assert left_over() == []


def read_until(controller: int, words: str) -> str:
    """What a terminal shows until the words appear or the program ends."""
    told = ""
    while words not in told:
        try:
            piece = os.read(controller, 4096).decode()
        except OSError:  # the program ended, and with it the terminal
            return told
        told += piece
    return told


def test_a_port_that_is_taken_is_named_before_anything_is_made(place):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        command = pierhead("demo", "--directory", str(place), "--listen", address)
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert f"{address}: expected to be free" in done.stderr
    assert not place.exists()


def test_a_folder_with_something_else_is_refused(place):
    place.mkdir()
    (place / "thesis.txt").write_text("two years of work", encoding="utf-8")
    command = pierhead("demo", "--directory", str(place))
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "--directory" in done.stderr
    assert (place / "thesis.txt").is_file()


def test_a_second_demo_leaves_the_first_alone(place):
    with alone():
        done = subprocess.run(
            pierhead("demo", "--directory", str(place)), capture_output=True, text=True, timeout=60, check=False
        )
    assert done.returncode == 1
    assert "another one runs on this machine" in done.stderr


def test_the_images_need_no_library():
    assert find_busybox().is_file()
