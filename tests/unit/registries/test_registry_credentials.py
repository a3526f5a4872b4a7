"""A login goes to the host that its Registry document states, and nowhere else."""

from __future__ import annotations

import pytest
from support.writeback import PlainSecrets

from agent.core.model import Registry, SecretRef
from agent.core.problems import Position
from agent.core.reasons import Reason
from agent.errors import Stalled
from agent.ports import Credentials
from agent.registries.credentials import canonical_host, credentials_for

SECRETS = PlainSecrets(**{"registry-password": "pl4nted"})


def registry(name: str, host: str, *, login: bool = True, insecure: bool = False) -> Registry:
    return Registry(
        name=name,
        host=host,
        username="pierhead" if login else None,
        password=SecretRef("registry-password") if login else None,
        insecure=insecure,
        position=Position(f"registries/{name}.yaml", 1, 1),
    )


def find(image: str, *registries: Registry, name: str | None = None) -> Credentials | None:
    return credentials_for(image, name, {one.name: one for one in registries}, SECRETS)


def test_the_registry_of_the_images_host_gives_the_login() -> None:
    found = find(
        "registry.example.com/shop/web:1.4", registry("other", "ghcr.io"), registry("a", "registry.example.com")
    )
    assert found == Credentials(host="registry.example.com", username="pierhead", password="pl4nted")


def test_without_a_registry_for_the_host_the_pull_is_anonymous() -> None:
    assert find("quay.io/x/y", registry("a", "registry.example.com")) is None
    assert find("quay.io/x/y") is None


def test_another_port_is_another_host() -> None:
    assert find("registry.example.com:5000/x", registry("a", "registry.example.com")) is None


@pytest.mark.parametrize("written", ["docker.io", "index.docker.io", "registry-1.docker.io", "Docker.io"])
def test_every_spelling_of_docker_hub_is_docker_hub(written: str) -> None:
    for image in ("nginx", "library/nginx:1", "docker.io/library/nginx", "index.docker.io/library/nginx"):
        assert find(image, registry("hub", written)) == Credentials(
            host="docker.io", username="pierhead", password="pl4nted"
        )


def test_the_default_port_and_capitals_make_no_difference() -> None:
    assert canonical_host("Registry.Example.com:443") == "registry.example.com"
    assert find("registry.example.com/x", registry("a", "registry.example.com:443")) is not None
    assert find("registry.example.com:443/x", registry("a", "registry.example.com")) is not None


def test_a_named_registry_wins_over_others_of_the_same_host() -> None:
    named = registry("b", "registry.example.com", insecure=True)
    found = find("registry.example.com/x", registry("a", "registry.example.com"), named, name="b")
    assert found is not None
    assert found.insecure


def test_of_several_for_one_host_the_one_with_a_login_is_taken_then_the_first_by_name() -> None:
    host = "registry.example.com"
    first, second = registry("b", host, insecure=True), registry("c", host)
    found = find(f"{host}/x", registry("a", host, login=False), second, first)
    assert found is not None
    assert found.username == "pierhead"
    assert found.insecure


def test_a_registry_without_login_still_says_that_it_is_insecure() -> None:
    found = find("10.0.0.7:5000/x", registry("lab", "10.0.0.7:5000", login=False, insecure=True))
    assert found == Credentials(host="10.0.0.7:5000", insecure=True)


def test_a_named_registry_of_another_host_gets_no_password_sent() -> None:
    with pytest.raises(Stalled, match="but the image comes from evil") as refused:
        find("evil.example.com/x", registry("a", "registry.example.com"), name="a")
    assert refused.value.reason is Reason.INVALID_DOCUMENT
    assert "pl4nted" not in str(refused.value)


def test_a_registry_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(Stalled, match=r"expected the name of a Registry document \(a\), found b"):
        find("registry.example.com/x", registry("a", "registry.example.com"), name="b")
    with pytest.raises(Stalled, match=r"\(none\)"):
        find("registry.example.com/x", name="b")


def test_an_image_that_means_nothing_is_refused() -> None:
    with pytest.raises(Stalled, match="image: expected"):
        find("registry.example.com/UPPER CASE")


def test_a_missing_password_is_what_stops_the_pull() -> None:
    with pytest.raises(Stalled) as missing:
        credentials_for("a.example.com/x", None, {"a": registry("a", "a.example.com")}, PlainSecrets())
    assert missing.value.reason is Reason.SECRET_MISSING
