"""Names of images: normalised once, never half a reference."""

from __future__ import annotations

import pytest

from agent.core.delivery import Malformed
from agent.core.webhooks.images import digest_of, host_of, hosted_name, image_name, pushed, tag_of, take_apart

DIGEST = "sha256:" + "1f" * 32


@pytest.mark.parametrize(
    ("host", "path", "name"),
    [
        ("GHCR.io", "Acme/Web", "ghcr.io/acme/web"),
        ("index.docker.io", "nginx", "docker.io/library/nginx"),
        ("registry-1.docker.io", "acme/web", "docker.io/acme/web"),
        ("localhost", "harbor/alpine", "localhost/harbor/alpine"),
        ("quay.example.org:8443", "/a/b/", "quay.example.org:8443/a/b"),
        ("[::1]:5000", "a", "[::1]:5000/a"),
        ("", "acme/web__x", "acme/web__x"),
    ],
)
def test_a_name_is_host_and_path_in_lower_case(host, path, name):
    assert image_name(host, path) == name


@pytest.mark.parametrize(
    ("host", "path"),
    [("ghcr.io", ""), ("ghcr.io", None), ("ghcr.io", "a:b"), ("gh cr", "a"), ("a..", "b"), ("a", "b//c")],
)
def test_anything_else_is_no_name(host, path):
    with pytest.raises(Malformed, match="expected the name of an image"):
        image_name(host, path)


def test_a_reference_names_its_host_first():
    assert hosted_name("registry/acme/web") == "registry/acme/web"
    assert hosted_name("web") == "web"


@pytest.mark.parametrize(
    ("reference", "parts"),
    [
        ("r:5000/a/b:1.2@" + DIGEST, ("r:5000/a/b", "1.2", DIGEST)),
        ("r:5000/a/b", ("r:5000/a/b", None, None)),
        ("ghcr.io/a/b:", ("ghcr.io/a/b", None, None)),
        ("b:latest", ("b", "latest", None)),
        ("", ("", None, None)),
    ],
)
def test_a_reference_is_taken_apart(reference, parts):
    assert take_apart(reference) == parts


def test_tags_and_digests_are_told_apart():
    assert tag_of("1.4.3") == "1.4.3"
    assert [tag_of(value) for value in ("", DIGEST, None, "-x", "a" * 129)] == [None] * 5
    assert digest_of(DIGEST) == DIGEST
    assert [digest_of(value) for value in ("", "sha256:", "sha256:12", "latest", None)] == [None] * 5


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("https://user@Acme.jfrog.io:8443/x", "acme.jfrog.io:8443"),
        ("registry.local:5000", "registry.local:5000"),
        ("registry.local/x", "registry.local"),
        ("http://[broken", ""),
        (None, ""),
    ],
)
def test_an_address_has_a_host(address, host):
    assert host_of(address) == host


def test_a_push_names_a_version():
    event = pushed("ghcr.io/acme/web", "1.4.3", None)
    assert (event.type, event.image, event.image_tag, event.digest) == ("image_push", "ghcr.io/acme/web", "1.4.3", None)
    assert "neither a tag nor a digest" in pushed("ghcr.io/acme/web", None, None)
