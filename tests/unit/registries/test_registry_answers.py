from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.registries.challenges import Challenge, parse_challenges
from agent.registries.faults import retry_after
from agent.registries.manifests import Child, ConfigBlob, created_of, decode, where_created
from agent.registries.pages import next_page, tags_of
from agent.registries.places import is_loopback, place_of

ONE, TWO = (f"sha256:{digit * 64}" for digit in "12")
MADE = "2026-11-25T10:00:00.123456789Z"
MADE_AT = pytest.approx(1795600800.123, abs=0.01)


@pytest.mark.parametrize(
    ("header", "challenges"),
    [
        ("Basic", [("basic", {})]),
        ('Basic realm="a, b"', [("basic", {"realm": "a, b"})]),
        (
            'Bearer realm="https://auth.example.com/token",service="registry.example.com",scope="repository:a/b:pull,push"',
            [
                (
                    "bearer",
                    {
                        "realm": "https://auth.example.com/token",
                        "service": "registry.example.com",
                        "scope": "repository:a/b:pull,push",
                    },
                )
            ],
        ),
        (
            'Negotiate, bearer Realm = "x" , error="invalid_token", Basic realm=plain',
            [("negotiate", {}), ("bearer", {"realm": "x", "error": "invalid_token"}), ("basic", {"realm": "plain"})],
        ),
        (r'Basic realm="say \"hi\"", charset="UTF-8"', [("basic", {"realm": 'say "hi"', "charset": "UTF-8"})]),
        ("Negotiate YWJj==, Basic realm=x", [("negotiate", {}), ("basic", {"realm": "x"})]),
        ('Bearer realm=""', [("bearer", {"realm": ""})]),
        ("", []),
        ('realm="x"', []),
        ('Bearer realm="open', [("bearer", {"realm": ""})]),
    ],
)
def test_challenges_are_read_with_their_quotes_and_commas(header, challenges):
    assert parse_challenges([header]) == tuple(Challenge(*one) for one in challenges)


@given(st.lists(st.text(alphabet='Bearer="\\, \t%§', max_size=40)))
def test_no_header_breaks_the_reading_of_challenges(headers):
    parse_challenges(headers)


PAGE = "/v2/shop/web/tags/list?n=1000"


@pytest.mark.parametrize(
    ("header", "page"),
    [
        ('</v2/shop/web/tags/list?last=b&n=1000>; rel="next"', "/v2/shop/web/tags/list?last=b&n=1000"),
        ("<?last=b&n=1000>; rel=next", "/v2/shop/web/tags/list?last=b&n=1000"),
        ("<list?last=b>; rel=next", "/v2/shop/web/tags/list?last=b"),
        ("<https://evil.example.com/v2/shop/web/tags/list?last=b>; rel=next", "/v2/shop/web/tags/list?last=b"),
        ("<http://registry:5000/v2/a/tags/list>; rel=next", "/v2/a/tags/list"),
        ('</v2/x>; rel="prev", </v2/y>; title="a"; rel="NEXT"', "/v2/y"),
        ("<https://evil.example.com/steal>; rel=next", None),
        ("<//[>; rel=next", None),
        ('</v2/x>; rel="prev"', None),
        ("</v2/x>", None),
        ("rel=next", None),
        ("", None),
    ],
)
def test_the_next_page_is_always_one_of_the_same_registry(header, page):
    assert next_page(PAGE, [header]) == page


def test_a_page_without_a_link_is_the_last():
    assert next_page(PAGE, []) is None


@pytest.mark.parametrize(
    ("body", "tags"),
    [
        (b'{"name": "a", "tags": ["1", "2"]}', ("1", "2")),
        (b'{"name": "a", "tags": null}', ()),
        (b'{"name": "a"}', ()),
        (b'{"tags": ["ok", 1, null, "not a tag", "-x", "\\u0000"]}', ("ok",)),
        (b'{"tags": "1"}', None),
        (b"[]", None),
        (b"null", None),
        (b"<html>", None),
        (b"\xff", None),
        (b"[" * 100_000, None),
    ],
)
def test_a_page_of_tags(body, tags):
    assert tags_of(body) == tags


def entry(digest, platform=None, **more):
    os_name, _, architecture = (platform or "linux/amd64").partition("/")
    architecture, _, variant = architecture.partition("/")
    known = {"os": os_name, "architecture": architecture} | ({"variant": variant} if variant else {})
    return {"digest": digest, "platform": known, **more}


ATTESTATION = entry("sha256:" + "9" * 64, "unknown/unknown")
REFERENCE = entry("sha256:" + "8" * 64, annotations={"vnd.docker.reference.type": "attestation-manifest"})


@pytest.mark.parametrize(
    ("entries", "platform", "digest"),
    [
        ([entry(ONE), entry(TWO, "linux/arm64")], None, ONE),
        ([entry(ONE), entry(TWO, "linux/arm64/v8")], "linux/arm64", TWO),
        ([entry(ONE, "linux/arm/v6"), entry(TWO, "linux/arm/v7")], "linux/arm/v7", TWO),
        ([entry(ONE)], "windows/amd64", ONE),
        ([ATTESTATION, REFERENCE, entry(ONE)], None, ONE),
        ([{"digest": "nonsense"}, 7, None, {"digest": ONE}], "linux/amd64", ONE),
    ],
)
def test_an_index_leads_to_the_image_of_a_platform(entries, platform, digest):
    assert where_created({"manifests": entries}, platform) == Child(digest)


def test_an_index_of_nothing_but_attestations_has_no_image():
    assert where_created({"manifests": [ATTESTATION]}) == 0.0


def test_a_manifest_leads_to_its_configuration():
    assert where_created({"config": {"digest": ONE}}) == ConfigBlob(ONE, 0.0)
    annotated = {"config": {"digest": ONE}, "annotations": {"org.opencontainers.image.created": MADE}}
    assert where_created(annotated) == ConfigBlob(ONE, MADE_AT)


def test_a_manifest_of_the_first_generation_has_the_time_in_its_history():
    newest = {"v1Compatibility": json.dumps({"created": MADE})}
    assert where_created({"schemaVersion": 1, "history": [newest, {}]}) == MADE_AT


@pytest.mark.parametrize(
    "manifest",
    [
        {},
        {"config": []},
        {"config": {"digest": "md5:1"}},
        {"history": "x"},
        {"history": [7]},
        {"history": [{"v1Compatibility": "["}]},
        {"annotations": {"org.opencontainers.image.created": "soon"}},
        {"manifests": {}},
    ],
)
def test_a_manifest_that_says_nothing_has_no_time(manifest):
    assert where_created(manifest) == 0.0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (MADE, MADE_AT),
        ("2026-11-25T12:00:00+02:00", 1795600800.0),
        ("0001-01-01T00:00:00Z", 0.0),
        ("1969-12-31T00:00:00Z", 0.0),
        ("2026-13-45T00:00:00Z", 0.0),
        ("yesterday", 0.0),
        (7, 0.0),
        (None, 0.0),
    ],
)
def test_the_time_in_a_configuration(value, seconds):
    assert created_of({"created": value}) == seconds


@pytest.mark.parametrize("body", [b"", b"[]", b"7", b"\xff", b"{" * 100_000])
def test_what_is_no_object_is_empty(body):
    assert decode(body) == {}


NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("30", 30.0),
        (" 30 ", 30.0),
        ("0", 0.0),
        ("Fri, 15 Jan 2027 08:01:00 GMT", 60.0),
        ("Fri, 15 Jan 2027 07:00:00 GMT", 0.0),
        ("9999999999999", 86400.0),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        (None, None),
        ("٣", None),
    ],
)
def test_a_time_to_wait_is_seconds_or_a_date(value, seconds):
    assert retry_after(value, NOW) == seconds


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("localhost", True),
        ("localhost:5000", True),
        ("127.0.0.1:5000", True),
        ("127.1.2.3", True),
        ("10.0.0.1:5000", False),
        ("localhost.example.com", False),
        ("docker.io", False),
    ],
)
def test_loopback_is_this_machine(host, local):
    assert is_loopback(host) is local


def test_the_place_of_docker_hub_has_a_name_of_its_own():
    place = place_of("nginx", None)
    assert (place.base, place.path, place.image) == (
        "https://registry-1.docker.io",
        "library/nginx",
        "docker.io/library/nginx",
    )
