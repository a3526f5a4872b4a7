"""Pulling from a real registry with a login, and from registries that fail in every way they do."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from support import images
from support.engine_fixtures import URL
from support.registry import Registry, answering, broken_registry, free_port, registry

from agent.core.reasons import Reason
from agent.engine import images as engine_images
from agent.errors import PierheadError, Transient
from agent.ports import Credentials

pytestmark = [pytest.mark.engine, pytest.mark.program("docker-registry")]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with registry(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.fixture
def pushed(real, hub) -> Iterator[str]:
    """An image that is in the registry and not on the engine."""
    local = images.web_image(real.client, "ph-test/web:1", "one")
    image = hub.push(real.client, local, f"shop/{uuid.uuid4().hex[:8]}:1")
    yield image
    for name in real.client.images(name=image.rpartition(":")[0]):
        for tag in name["RepoTags"] or ():
            real.client.remove_image(tag, noprune=True)


def refused(real, image: str, credentials: Credentials | None = None, platform: str | None = None) -> PierheadError:
    with pytest.raises(Transient) as caught:
        real.engine.pull(image, platform, True, credentials)
    return caught.value


def test_an_image_is_pulled_with_its_login_and_tells_its_digest(real, hub, pushed):
    digest = real.engine.pull(pushed, None, False, hub.credentials)
    assert digest is not None
    assert digest.startswith("sha256:")
    assert real.engine.pull(pushed, None, False, None) == digest
    by_digest = f"{pushed.rpartition(':')[0]}@{digest}"
    assert real.engine.pull(by_digest, None, True, hub.credentials) == digest


def test_always_asks_the_registry_although_the_image_is_there(real, hub, pushed):
    first = real.engine.pull(pushed, None, False, hub.credentials)
    other = images.web_image(real.client, "ph-test/web:2", "two")
    name = pushed.removeprefix(f"{hub.host}/")
    hub.push(real.client, other, name)
    assert real.engine.pull(pushed, None, True, hub.credentials) != first


def test_another_platform_than_the_local_one_is_asked_for(real, hub, pushed):
    real.engine.pull(pushed, None, False, hub.credentials)
    machine = real.client.inspect_image(pushed)
    platform = f"{machine['Os']}/{machine['Architecture']}"
    assert real.engine.pull(pushed, platform, False, None) is not None
    with pytest.raises(PierheadError):
        real.engine.pull(pushed, "linux/s390x", False, None)


def test_the_digest_is_part_of_an_inspection(real, hub, pushed):
    digest = real.engine.pull(pushed, None, False, hub.credentials)
    container = real.engine.create(real.action(image=pushed), {})
    assert real.engine.inspect(container).image_digest == digest
    real.engine.remove(container)


def test_a_missing_password_is_told_as_such(real, pushed):
    error = refused(real, pushed)
    assert error.reason is Reason.REGISTRY_UNAUTHORIZED
    assert "Registry document" in error.advice


def test_a_wrong_password_is_told_as_such_and_not_repeated(real, hub, pushed):
    error = refused(real, pushed, Credentials(host=hub.host, username="tester", password="wrong-password"))
    assert error.reason is Reason.REGISTRY_UNAUTHORIZED
    assert "wrong-password" not in str(error)


def test_a_missing_tag_is_told_as_such(real, hub, pushed):
    error = refused(real, f"{pushed}-missing", hub.credentials)
    assert error.reason is Reason.IMAGE_NOT_FOUND
    assert error.retry_after == 60.0


def test_a_missing_repository_is_told_as_such(real, hub):
    assert refused(real, f"{hub.host}/nothing/here:1", hub.credentials).reason is Reason.IMAGE_NOT_FOUND


def test_a_registry_that_is_down_is_tried_again(real):
    assert refused(real, f"127.0.0.1:{free_port()}/shop:1").reason is Reason.REGISTRY_UNAVAILABLE


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (401, Reason.REGISTRY_UNAUTHORIZED),
        (403, Reason.REGISTRY_UNAUTHORIZED),
        (404, Reason.IMAGE_NOT_FOUND),
        (429, Reason.REGISTRY_RATE_LIMITED),
        (500, Reason.REGISTRY_UNAVAILABLE),
        (503, Reason.REGISTRY_UNAVAILABLE),
    ],
)
@pytest.mark.parametrize("body", [b"{}", b'{"errors":[]}', b"<html>broken</html>"])
def test_what_a_registry_answers_decides_who_must_act(real, status, reason, body):
    with broken_registry(answering(status, body)) as host:
        assert refused(real, f"{host}/shop/web:1").reason is reason


def test_a_registry_that_hangs_is_given_up(real, monkeypatch):
    monkeypatch.setattr(engine_images, "STALL_TIME", 1.0)
    release = threading.Event()
    with broken_registry(lambda _: release.wait(20)) as host:
        started = time.monotonic()
        error = refused(real, f"{host}/shop/web:1")
        elapsed = time.monotonic() - started
        release.set()
    assert error.reason is Reason.REGISTRY_UNAVAILABLE
    assert "no progress for 1 seconds" in error.message
    assert elapsed < 4


def test_a_pull_that_never_ends_is_given_up(real, hub, pushed, monkeypatch):
    monkeypatch.setattr(engine_images, "PULL_TIME", 0.0)
    error = refused(real, pushed, hub.credentials)
    assert "not finished after" in error.message


def test_a_registry_is_used_again_once_it_is_back(real, tmp_path: Path):
    client = docker.APIClient(URL, version="auto")
    port = free_port()
    with registry(tmp_path / "registry", port) as running:
        image = running.push(client, images.busybox_image(client), "shop/back:1")
        credentials = running.credentials
    assert refused(real, image, credentials).reason is Reason.REGISTRY_UNAVAILABLE
    with registry(tmp_path / "registry", port):
        assert real.engine.pull(image, None, True, credentials) is not None
    client.remove_image(image, noprune=True)
    client.close()
