"""No bytes make a vendor raise anything but its one error, and what it says is always well formed."""

from __future__ import annotations

import contextlib
import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.deliveries import body_of, cases, delivery_of, vendors

from agent.core.delivery import AUTH_WAYS, Delivery, Malformed
from agent.core.inbound import TYPES
from agent.core.webhooks.selection import choose, is_manual, reader

EVERY = [(name, case) for name, case in cases() if not isinstance(case["body"], str)]
NAMES = sorted(vendors())
HEADERS = {name: case["headers"] for name, case in reversed(EVERY)}

ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 2)
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.sampled_from(["", ":", "/", "0" * 40, "a" * 40, "refs/heads/", "refs/tags/x", "sha256:", "http://[", "push"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
KEYS = ["ref", "after", "repository", "push", "changes", "events", "target", "action", "package", "data", "message"]
ANY_OBJECT = st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), ANY_JSON, max_size=5)
ANY_BYTES = st.binary(max_size=80)


def check(vendor, delivery):
    with contextlib.suppress(Malformed):
        parsed = vendor.parse(delivery)
        assert bool(parsed.events) is not bool(parsed.ignored)
        assert parsed.delivery_id is None or parsed.delivery_id
        for event in parsed.events:
            check_event(event, vendor.name)


def check_event(event, vendor_name):
    fields = event.as_dict()
    assert event.type in TYPES
    assert event.vendor == vendor_name
    assert all(isinstance(value, (str, list, type(None))) for value in fields.values())
    assert all(value for value in fields.values() if value is not None)
    json.dumps(fields, ensure_ascii=False).encode("utf-8")
    assert event.commit is None or re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", event.commit)
    assert event.changed_paths is None or all(isinstance(path, str) and path for path in event.changed_paths)
    if event.type == "image_push":
        assert event.image
        assert event.image == event.image.lower()
        assert not event.image.endswith((":", "/"))
        assert event.image_tag or event.digest
    if event.type in ("git_push", "tag_push"):
        assert event.ref
        assert bool(event.branch) is not bool(event.tag)


def nodes(value, path=()):
    yield path
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in pairs:
        yield from nodes(child, (*path, key))


GONE = object()


def changed(value, path, change):
    """The value with another one at a path; GONE takes away what is there, of the whole it leaves nothing."""
    if not path:
        return None if change is GONE else change
    head, *rest = path
    copy = dict(value) if isinstance(value, dict) else list(value)
    if change is GONE and not rest:
        del copy[head]
    else:
        copy[head] = changed(copy[head], rest, change)
    return copy


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=60, deadline=None)
@given(body=ANY_BYTES, value=ANY_JSON | ANY_OBJECT)
def test_no_body_makes_a_vendor_raise_anything_else(name, body, value):
    for raw in (body, json.dumps(value).encode()):
        check(vendors()[name], delivery_of({"headers": HEADERS[name]}, raw))


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_no_change_of_a_real_body_makes_a_vendor_raise_anything_else(data):
    name, case = data.draw(st.sampled_from(EVERY))
    path = data.draw(st.sampled_from(list(nodes(case["body"]))))
    body = changed(case["body"], path, data.draw(st.just(GONE) | ANY_JSON))
    check(vendors()[name], delivery_of(case, body_of({**case, "body": body})))


def test_each_node_of_each_body_can_be_missing_or_of_another_type():
    for name, case in EVERY:
        for path in nodes(case["body"]):
            for change in (GONE, None, 0, "", "\x00", [], {}, [[]], True):
                body = changed(case["body"], path, change)
                check(vendors()[name], delivery_of(case, body_of({**case, "body": body})))


@settings(max_examples=200, deadline=None)
@given(
    names=st.lists(
        st.sampled_from(sorted({header for _, case in EVERY for header in case["headers"]}))
        | st.sampled_from(["authorization", "x-hub-signature", "x-hub-signature-256", "x-gitlab-token", "x-signature"])
        | st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature", "x-nexus-webhook-signature"]),
        max_size=6,
    ),
    values=st.lists(ANY_BYTES | st.sampled_from([b"sha256=", b"Basic \xff", b"Bearer ", b"v1,\xe9", b"9" * 5000])),
    body=ANY_BYTES,
    secrets=st.lists(ANY_BYTES | st.just(b"whsec_%"), max_size=2),
    way=st.sampled_from([*AUTH_WAYS, "another"]),
)
def test_no_header_makes_verification_raise(names, values, body, secrets, way):
    delivery = Delivery(headers=dict(zip(names, values, strict=False)), body=body, now=1e9)
    for vendor in vendors().values():
        assert vendor.verify(delivery, secrets, way) in (True, False)
        assert vendor.claims(delivery) in (True, False)
        assert vendor.delivery_id(delivery) != ""
    chosen = choose(vendors(), delivery)
    assert is_manual(delivery) or reader(vendors(), delivery).name in (chosen.name, *NAMES)
