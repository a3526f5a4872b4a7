from __future__ import annotations

import os
import stat
import uuid
from collections.abc import Iterator
from pathlib import Path

import docker
import docker.errors
import pytest

from agent.demo import images
from agent.demo.images import build_images, find_busybox, is_static
from agent.engine.connection import Connection
from agent.engine.scratch import ScratchFile, import_image, remove_host
from agent.errors import Usage

pytestmark = [pytest.mark.engine, pytest.mark.program("busybox")]


@pytest.fixture
def client() -> Iterator[docker.DockerClient]:
    client = docker.from_env()
    yield client
    client.close()


@pytest.fixture
def connection() -> Iterator[Connection]:
    connection = Connection(os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock"))
    yield connection
    connection.close()


@pytest.fixture
def name(client) -> Iterator[str]:
    name = f"pierhead-test/scratch-{uuid.uuid4().hex[:8]}:1"
    yield name
    client.images.remove(name, force=True)


def test_an_image_holds_exactly_the_given_files(connection, client, name):
    files = [
        ScratchFile(path="bin", mode=0o755),
        ScratchFile(path="bin/busybox", content=find_busybox().read_bytes(), mode=0o755),
        ScratchFile(path="bin/sh", link="busybox"),
        ScratchFile(path="words", content=b"good morning\n"),
    ]
    changes = ['CMD ["/bin/sh", "-c", "/bin/busybox cat /words; /bin/busybox stat -c %a /words"]']
    assert import_image(connection, name, files, changes, "one")
    assert client.containers.run(name, remove=True) == b"good morning\n644\n"


def test_the_same_image_is_made_once_and_another_one_again(connection, client, name):
    files = [ScratchFile(path="words", content=b"x")]
    assert import_image(connection, name, files, ['CMD ["/none"]'], "one")
    first = client.images.get(name).id
    assert not import_image(connection, name, files, ['CMD ["/none"]'], "one")
    assert client.images.get(name).id == first
    assert import_image(connection, name, files, ['CMD ["/none"]'], "two")
    assert client.images.get(name).id != first


def test_only_what_carries_the_host_name_is_removed(connection, client, name):
    host = f"test-{uuid.uuid4().hex[:8]}"
    import_image(connection, name, [ScratchFile(path="words", content=b"x")], ['CMD ["/none"]'], "one")
    ours = {"pierhead.host": host}
    client.volumes.create(f"{host}-ours", labels=ours)
    stranger = client.volumes.create(f"{host}-stranger", labels={"pierhead.host": f"{host}-other"})
    network = client.networks.create(f"{host}-ours", labels=ours)
    client.containers.create(name, labels=ours, network=network.name)
    try:
        assert remove_host(connection, host) == 3
        assert remove_host(connection, host) == 0
        assert client.volumes.get(stranger.name).name == stranger.name
        with pytest.raises(docker.errors.NotFound):
            client.networks.get(network.id)
    finally:
        stranger.remove()


def test_all_images_of_the_demo_are_there_after_building(connection, client):
    for image_name in build_images(connection):
        assert client.images.get(image_name).attrs["Config"]["Cmd"] == ["/app/run"]
    assert not any(build_images(connection).values())


def test_a_linked_busybox_is_not_taken(tmp_path, monkeypatch):
    linked = tmp_path / "busybox"
    linked.write_bytes(b"\x7fELF" + b"\0" * 500 + b"/lib64/ld-linux-x86-64.so.2\0")
    linked.chmod(linked.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(images, "BUSYBOX", (str(tmp_path / "none"),))
    assert not is_static(linked)
    with pytest.raises(Usage, match="busybox-static"):
        find_busybox()


def test_a_script_is_no_static_program(tmp_path: Path):
    script = tmp_path / "busybox"
    script.write_text("#!/bin/sh\n", encoding="utf-8")
    assert not is_static(script)
