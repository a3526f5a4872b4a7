from __future__ import annotations

import hashlib

import pytest

from agent.core.model import Publish
from agent.core.values import (
    InvalidValue,
    default_id,
    is_dns_label,
    parse_duration,
    parse_image,
    parse_publish,
    parse_size,
    quoted,
    split_words,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("500ms", 0.5), ("10s", 10.0), ("5m", 300.0), ("1h30m", 5400.0), ("2d", 172800.0), ("1.5s", 1.5), ("0s", 0.0)],
)
def test_a_duration_becomes_seconds(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "10", "s", "10 s", "-1s", "1h 30m", "10s\n", "1x", "1h30", "٣s"])
def test_what_is_no_duration_is_refused_with_an_example(text):
    with pytest.raises(InvalidValue, match="10s"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "size"), [("64MiB", 64 * 1024**2), ("1B", 1), ("1.5KiB", 1536), ("2GB", 2 * 1000**3), ("1TiB", 1024**4)]
)
def test_a_size_becomes_bytes(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "64", "64 MiB", "64M", "MiB", "iB", "1iB", "64mib"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(InvalidValue, match="64MiB"):
        parse_size(text)


@pytest.mark.parametrize("text", ["a", "web", "a-1", "0", "a" * 63])
def test_dns_labels(text):
    assert is_dns_label(text)


@pytest.mark.parametrize("text", ["", "-a", "a-", "A", "a.b", "a_b", "a" * 64, "a\n"])
def test_what_is_no_dns_label(text):
    assert not is_dns_label(text)


def test_the_default_id_is_the_beginning_of_the_hash_of_the_name():
    assert default_id("web") == hashlib.sha256(b"web").hexdigest()[:8]


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("nginx", "docker.io/library/nginx"),
        ("nginx:1.25", "docker.io/library/nginx:1.25"),
        ("shop/web", "docker.io/shop/web"),
        ("docker.io/nginx", "docker.io/library/nginx"),
        ("index.docker.io/shop/web", "docker.io/shop/web"),
        ("localhost/web", "localhost/web"),
        ("registry:5000/a/b:1", "registry:5000/a/b:1"),
        ("Registry.Example.com/a", "registry.example.com/a"),
        (f"a/b:1@sha256:{'0' * 64}", f"docker.io/a/b:1@sha256:{'0' * 64}"),
        ("10.0.0.7:5000/a__b/c-d.e", "10.0.0.7:5000/a__b/c-d.e"),
    ],
)
def test_an_image_is_read_as_docker_reads_it(text, normal):
    assert parse_image(text).text == normal


def test_an_image_name_has_its_parts():
    name = parse_image("registry.example.com:5000/shop/web:1.4.2")
    assert (name.host, name.path, name.tag, name.digest) == ("registry.example.com:5000", "shop/web", "1.4.2", None)
    assert name.repository == "registry.example.com:5000/shop/web"


@pytest.mark.parametrize(
    "text",
    ["", "/", "a//b", "a:", "a:b:c", "a@", "a@sha256:1", "-a", "a.b.c/", "shop/Web", "x/" + "-", "a:" + "b" * 129],
)
def test_what_is_no_image_is_refused(text):
    with pytest.raises(InvalidValue, match="an image such as"):
        parse_image(text)


def test_a_capital_in_an_image_name_is_explained():
    with pytest.raises(InvalidValue) as caught:
        parse_image("shop/Web")
    assert "lower-case" in caught.value.fix


@pytest.mark.parametrize(
    ("text", "publish"),
    [
        ("8080:80", Publish(host_ip="", host_port=8080, container_port=80)),
        ("127.0.0.1:8080:80/udp", Publish(host_ip="127.0.0.1", host_port=8080, container_port=80, protocol="udp")),
        ("[::1]:53:53/tcp", Publish(host_ip="::1", host_port=53, container_port=53)),
        ("0.0.0.0:1:65535", Publish(host_ip="", host_port=1, container_port=65535)),
        ("[0:0::1]:53:53", Publish(host_ip="::1", host_port=53, container_port=53)),
    ],
)
def test_a_published_port_is_normalised(text, publish):
    assert parse_publish(text) == publish


@pytest.mark.parametrize("text", ["80", "a:b", "0:80", "80:65536", "1.2.3:80:80", "::1:80:80", "80:80/sctp", "80:80\n"])
def test_what_is_no_published_port_is_refused(text):
    with pytest.raises(InvalidValue):
        parse_publish(text)


def test_a_command_is_a_list_or_split_like_a_shell_does():
    assert split_words("sh -c 'a b'") == ("sh", "-c", "a b")
    assert split_words(["a b", "c"]) == ("a b", "c")


def test_an_open_quote_is_refused():
    with pytest.raises(InvalidValue) as caught:
        split_words("sh -c 'a")
    assert caught.value.fix.startswith("close the quote")


def test_quoted_text_is_short_and_on_one_line():
    assert quoted("a\nb\x1b[0m") == "`a�b�[0m`"
    assert len(quoted("x" * 500)) == 82
