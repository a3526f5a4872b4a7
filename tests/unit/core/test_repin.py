"""Pins are written where they are: each edit is carried out on real text and read back."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.edit import edit_document
from agent.core.pins import PinEdit, Pinned, Version
from agent.core.yaml_reader import read_yaml
from agent.sources.image_pins import pinned_of, repin
from agent.sources.image_source import parse_source

A, B = "sha256:" + "a" * 64, "sha256:" + "b" * 64
HOSTS = {"own": "registry.example.com:5000"}


def document(**source: object) -> str:
    lines = "".join(f"  {name}: {json.dumps(value)}  # {name}\n" for name, value in source.items())
    return f"kind: Workload\nname: web\nsource:\n  kind: image\n{lines}env: {{A: b}}\n"


def source_in(text: bytes):
    ((raw,), _) = read_yaml(text)
    return parse_source(raw.value["source"])


def applied(source: dict, version: Version):
    """What a version means, and the document with it."""
    text = document(**source).encode()
    means = repin(source_in(text), version, HOSTS)
    return means, edit_document(text, 0, means.edits)


@pytest.mark.parametrize(
    ("source", "version", "after", "text"),
    [
        ({"image": "a/b", "tag": "1"}, Version(tag="2"), {"tag": "2"}, "docker.io/a/b 1 → 2"),
        ({"image": "a/b", "tag": "1"}, Version(tag="2", digest=B), {"tag": "2"}, "docker.io/a/b 1 → 2"),
        ({"image": "a/b:1"}, Version(tag="2"), {"image": "a/b:2"}, "docker.io/a/b 1 → 2"),
        ({"image": "h:5000/b:5000"}, Version(tag="2"), {"image": "h:5000/b:2"}, "h:5000/b 5000 → 2"),
        ({"image": "h:5000/b"}, Version(tag="2"), {"tag": "2"}, "h:5000/b latest → 2"),
        ({"image": "nginx"}, Version(tag="2"), {"tag": "2"}, "docker.io/library/nginx latest → 2"),
        (
            {"image": "shop/web", "registry": "own", "tag": "1.4.2"},
            Version(tag="1.4.3"),
            {"tag": "1.4.3"},
            "registry.example.com:5000/shop/web 1.4.2 → 1.4.3",
        ),
        (
            {"image": "a/b", "tag": "1", "digest": A},
            Version(tag="2", digest=B),
            {"tag": "2", "digest": B},
            "docker.io/a/b 1 → 2",
        ),
        (
            {"image": "a/b", "tag": "1", "digest": A},
            Version(tag="1", digest=B),
            {"digest": B},
            "docker.io/a/b 1@aaaaaaaaaaaa → 1@bbbbbbbbbbbb",
        ),
        (
            {"image": "a/b", "tag": "1", "digest": A},
            Version(tag="2", digest=A),
            {"tag": "2"},
            "docker.io/a/b 1 → 2",
        ),
        (
            {"image": f"a/b:1@{A}"},
            Version(tag="2", digest=B),
            {"image": f"a/b:2@{B}"},
            "docker.io/a/b 1 → 2",
        ),
        ({"image": f"a/b:1@{A}"}, Version(tag="1", digest=B), {"image": f"a/b:1@{B}"}, None),
        ({"image": "a/b:1", "digest": A}, Version(tag="2", digest=B), {"image": "a/b:2", "digest": B}, None),
        (
            {"image": f"a/b@{A}"},
            Version(tag="2", digest=B),
            {"image": f"a/b@{B}"},
            "docker.io/a/b aaaaaaaaaaaa → 2@bbbbbbbbbbbb",
        ),
        (
            {"image": "a/b", "digest": A},
            Version(digest=B),
            {"digest": B},
            "docker.io/a/b aaaaaaaaaaaa → bbbbbbbbbbbb",
        ),
        ({"image": "a/b", "digest": A}, Version(tag="latest", digest=B), {"digest": B}, None),
        (
            {"image": "a/b", "tag": "1"},
            Version(tag="1", digest=B, pin_digest=True),
            {"digest": B},
            "docker.io/a/b 1@none → 1@bbbbbbbbbbbb",
        ),
        ({"image": "a/b"}, Version(tag="2", digest=B, pin_digest=True), {"tag": "2", "digest": B}, None),
        ({"image": "a/b:1"}, Version(tag="1", digest=B, pin_digest=True), {"digest": B}, None),
        ({"image": "a/b", "tags": ["2", "1"]}, Version(tag="3"), {"tags": ["3", "2"]}, "docker.io/a/b 2 → 3"),
        ({"image": "a/b", "tags": ["1"], "max_instances": 3}, Version(tag="2"), {"tags": ["2", "1"]}, None),
        (
            {"image": "a/b", "tags": ["3", "2", "1"], "max_instances": 2},
            Version(tag="4"),
            {"tags": ["4", "3"]},
            None,
        ),
        ({"image": "Not An Image", "tag": "1"}, Version(tag="2"), {"tag": "2"}, "Not An Image 1 → 2"),
    ],
)
def test_a_version_is_written_where_the_old_one_is(source, version, after, text):
    means, edited = applied(source, version)
    ((raw,), _) = read_yaml(edited)
    assert raw.value["source"] == {"kind": "image"} | source | after
    assert means.text == text or text is None
    assert (means.why_not, means.needs_digest) == ("", "")
    changed = [line for line in edited.decode().splitlines() if line not in document(**source).splitlines()]
    assert len(changed) == len(after)


@pytest.mark.parametrize(
    ("source", "version", "why"),
    [
        ({"image": "a/b", "tag": "1"}, Version(tag="1"), "docker.io/a/b:1 is what is pinned already; a moving tag"),
        ({"image": "a/b"}, Version(tag="latest"), "docker.io/a/b:latest is what is pinned already"),
        ({"image": "a/b", "tag": "1"}, Version(tag="1", digest=B), "docker.io/a/b:1 is what is pinned already"),
        ({"image": "a/b", "digest": A}, Version(tag="9", digest=A), "docker.io/a/b:9 is what is pinned already"),
        ({"image": "a/b", "digest": A}, Version(digest=A), f"docker.io/a/b@{A} is what is pinned already"),
        ({"image": "a/b", "tag": "1"}, Version(digest=B), "the push has no tag, so nothing says"),
        ({"image": "a/b", "tag": "1", "digest": A}, Version(digest=B), "the push has no tag, so nothing says"),
        ({"image": "a/b"}, Version(digest=B), "the push has no tag, so nothing says"),
        ({"image": "a/b", "tags": ["1"]}, Version(digest=B), "versions side by side are told apart by their tags"),
        ({"image": "a/b", "tags": ["2", "1"]}, Version(tag="1"), "docker.io/a/b:1 is among the pinned tags"),
        ({"image": "a/b", "tag": "1"}, Version(tag="a b"), "`a b` cannot be a tag"),
        ({"image": "a/b", "tag": "1"}, Version(tag="-a"), "`-a` cannot be a tag"),
        ({"image": "a/b", "tag": "1"}, Version(tag="1\nPierhead-Host: x"), "`1�Pierhead-Host: x` cannot be a tag"),
        ({"image": "a/b", "tag": "1"}, Version(tag="a" * 129), "cannot be a tag"),
        ({"image": "a/b", "tag": "1"}, Version(tag=""), "`` cannot be a tag"),
        ({"image": "a/b", "tags": ["1"]}, Version(tag="a:b"), "`a:b` cannot be a tag"),
        ({"image": "a/b", "digest": A}, Version(tag="2", digest="sha256:abc"), "`sha256:abc` is no digest by sha256"),
        ({"image": "a/b", "digest": A}, Version(digest="sha512:" + "a" * 128), "is no digest by sha256"),
        ({"image": "a/b", "digest": A}, Version(digest=B.upper()), "is no digest by sha256"),
    ],
)
def test_a_version_that_is_not_written_says_why(source, version, why):
    means = repin(parse_source(source), version, HOSTS)
    assert means.edits == ()
    assert why in means.why_not


def test_a_pinned_digest_needs_the_digest_of_the_new_tag():
    for source in ({"image": "a/b", "tag": "1", "digest": A}, {"image": f"a/b:1@{A}"}, {"image": "a/b", "digest": A}):
        means = repin(parse_source(source), Version(tag="2"), {})
        assert (means.needs_digest, means.edits, means.why_not) == ("2", (), "")


@pytest.mark.parametrize("version", [Version(revision="c" * 40), Version()])
def test_what_is_no_version_of_an_image_is_no_reason_against_a_redeploy(version):
    means = repin(parse_source({"image": "a/b", "tag": "1"}), version, {})
    assert (means.edits, means.why_not, means.needs_digest) == ((), "", "")


@pytest.mark.parametrize(
    ("source", "pinned"),
    [
        ({"image": "nginx"}, Pinned(image="docker.io/library/nginx")),
        ({"image": "a/b:1"}, Pinned(image="docker.io/a/b", tag="1")),
        ({"image": "H.example:5000/b"}, Pinned(image="h.example:5000/b")),
        ({"image": f"a/b:1@{A}"}, Pinned(image="docker.io/a/b", tag="1", digest=A)),
        ({"image": "a/b", "tag": "1", "digest": A}, Pinned(image="docker.io/a/b", tag="1", digest=A)),
        ({"image": f"a/b@{A}", "tag": "1"}, Pinned(image="docker.io/a/b", tag="1")),
        (
            {"image": "shop/web", "registry": "own", "tags": ["2", "1"]},
            Pinned(image="registry.example.com:5000/shop/web", registry="own", tags=("2", "1")),
        ),
        ({"image": "a b", "tag": "1"}, Pinned(tag="1")),
    ],
)
def test_what_is_pinned_is_what_counts(source, pinned):
    assert pinned_of(parse_source(source), HOSTS) == pinned


def test_the_places_of_new_keys_are_behind_those_that_are_there():
    edits = repin(parse_source({"image": "a/b", "tag": "1"}), Version(tag="1", digest=B, pin_digest=True), {}).edits
    assert edits == (PinEdit(pointer="/source/digest", value=B, after="/source/tag"),)


tags = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,12}", fullmatch=True)
digests = st.sampled_from([A, B, "sha256:" + "0123" * 16])
hosts = st.sampled_from(["", "registry.example.com/", "localhost/", "10.0.0.1:5000/"])


@st.composite
def sources(draw):
    """Every place in which a version can be written."""
    name = draw(hosts) + draw(st.sampled_from(["web", "shop/web", "5000/5000"]))
    tag, digest = draw(st.none() | tags), draw(st.none() | digests)
    match draw(st.sampled_from(["fields", "inside", "tag inside", "digest inside", "tags"])):
        case "tags":
            several = draw(st.lists(tags, min_size=1, max_size=4, unique=True))
            limit = draw(st.none() | st.integers(1, 5))
            return {"image": name, "tags": several} | ({} if limit is None else {"max_instances": limit})
        case place:
            inner_tag = f":{tag}" if tag and place in ("inside", "tag inside") else ""
            inner_digest = f"@{digest}" if digest and place in ("inside", "digest inside") else ""
            given = {"image": f"{name}{inner_tag}{inner_digest}"}
            given |= {"tag": tag} if tag and not inner_tag and not inner_digest else {}
            return given | ({"digest": digest} if digest and not inner_digest else {})


versions = st.builds(Version, tag=st.none() | tags, digest=st.none() | digests, pin_digest=st.booleans())


@given(sources(), versions, st.booleans())
@settings(max_examples=250, deadline=None)
def test_after_the_edits_the_document_pins_the_version_and_nothing_is_left_to_edit(raw, version, own):
    has_host = raw["image"].startswith(("registry", "localhost", "10."))
    raw = raw | ({"registry": "own"} if own and not has_host else {})
    before = pinned_of(parse_source(raw), HOSTS)
    means, edited = applied(raw, version)
    answers = (means.edits != ()) + (means.why_not != "") + (means.needs_digest != "")
    assert answers == (version.tag is not None or version.digest is not None)
    if not means.edits:
        return
    source = source_in(edited)
    after = pinned_of(source, HOSTS)
    assert (after.image, after.registry) == (before.image, before.registry)
    if before.tags:
        assert after.tags[0] == version.tag
        assert set(after.tags[1:]) <= set(before.tags)
    else:
        assert after.tag == (version.tag if before.tag or not before.digest else None) or (
            before.tag is None and version.tag == "latest"
        )
        assert after.digest == (version.digest if before.digest or version.pin_digest else None)
    assert repin(source, version, HOSTS).edits == ()
    assert means.text.startswith(before.image)
