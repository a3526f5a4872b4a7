"""The config webhook believes who knows the secret, by the sender's own rule, and nobody else."""

from __future__ import annotations

import hashlib
import hmac
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.web.signatures import SENDERS, authentic

SECRET = "It's a Secret to Everybody"
BODY = b"Hello, World!"
PUBLISHED = b"757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"


def sign(body: bytes = BODY, secret: str = SECRET) -> bytes:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest().encode()


GITHUB = {"x-github-event": b"push", "x-hub-signature-256": b"sha256=" + PUBLISHED}
GITEA = {"x-gitea-event": b"push", "x-gitea-signature": sign(), "x-gogs-signature": sign(), **GITHUB}
ACCEPTED = {
    "github, as it publishes": GITHUB,
    "github in upper case": {"x-hub-signature-256": b"sha256=" + PUBLISHED.upper()},
    "gogs": {"x-gogs-event": b"push", "x-gogs-signature": sign()},
    "gitea with all it sends": GITEA,
    "forgejo with all it sends": {**GITEA, "x-forgejo-event": b"push", "x-forgejo-signature": sign()},
    "gitlab": {"x-gitlab-event": b"Push Hook", "x-gitlab-token": SECRET.encode()},
    "bearer": {"authorization": b"Bearer " + SECRET.encode()},
    "bearer in lower case": {"authorization": b"bearer  " + SECRET.encode()},
    "unsigned gitea with a bearer": {
        "x-gitea-event": b"push",
        "x-gitea-signature": b"",
        "x-hub-signature-256": b"sha256=",
        "authorization": b"Bearer " + SECRET.encode(),
    },
    "unsigned github with a bearer": {
        "x-github-event": b"push",
        "x-hub-signature-256": b"sha256=",
        "authorization": b"Bearer " + SECRET.encode(),
    },
}
REFUSED = {
    "nothing": {},
    "github with a wrong signature": {"x-hub-signature-256": b"sha256=" + b"0" * 64},
    "github by sha1": {
        "x-github-event": b"push",
        "x-hub-signature": b"sha1=" + hmac.new(SECRET.encode(), BODY, hashlib.sha1).hexdigest().encode(),
    },
    "github with a wrong signature and a right bearer": {
        "x-hub-signature-256": b"sha256=" + b"0" * 64,
        "authorization": b"Bearer " + SECRET.encode(),
    },
    "gitea whose own signature is wrong": {**GITEA, "x-gitea-signature": b"0" * 64},
    "gitea without a secret": {**GITEA, "x-gitea-signature": b"", "x-gogs-signature": b""},
    "forgejo whose own signature is wrong": {**GITEA, "x-forgejo-signature": b"0" * 64},
    "gitlab with a wrong token": {"x-gitlab-token": b"guess"},
    "gitlab with an empty token": {"x-gitlab-token": b""},
    "empty bearer": {"authorization": b"Bearer "},
    "wrong bearer": {"authorization": b"Bearer guess"},
    "basic": {"authorization": b"Basic " + SECRET.encode()},
    "not ascii": {"x-hub-signature-256": "sha256=é".encode("latin-1")},
    "gitlab token that is not ascii": {"x-gitlab-token": b"\xff\xfe"},
}


@pytest.mark.parametrize("headers", ACCEPTED.values(), ids=ACCEPTED)
def test_a_delivery_of_who_knows_the_secret_is_believed(headers):
    assert authentic(headers, BODY, SECRET)


@pytest.mark.parametrize("headers", REFUSED.values(), ids=REFUSED)
def test_a_delivery_of_anybody_else_is_not(headers):
    assert not authentic(headers, BODY, SECRET)


@pytest.mark.parametrize("vendor", ["gitea", "forgejo", "gogs"])
@pytest.mark.parametrize("extra", ["", "; charset=utf-8"])
def test_of_a_form_the_gitea_family_signs_the_payload(vendor, extra):
    payload = b'{"ref": "refs/heads/main", "who": "a+b & c"}'
    form = b"x=1&payload=" + quote_plus(payload).encode()
    kind = {"content-type": b"application/x-www-form-urlencoded" + extra.encode()}
    assert authentic({f"x-{vendor}-signature": sign(payload), **kind}, form, SECRET)
    assert not authentic({f"x-{vendor}-signature": sign(form), **kind}, form, SECRET)


def test_a_form_without_a_payload_counts_as_an_empty_one():
    headers = {"x-gitea-signature": sign(b""), "content-type": b"application/x-www-form-urlencoded"}
    assert authentic(headers, b"x=1", SECRET)
    assert not authentic(headers, b"payload=1", SECRET)


def test_of_a_form_github_signs_the_whole():
    kind = {"content-type": b"application/x-www-form-urlencoded"}
    assert authentic({"x-hub-signature-256": b"sha256=" + sign(b"payload=1"), **kind}, b"payload=1", SECRET)


def test_an_empty_secret_opens_nothing():
    assert not authentic({"authorization": b"Bearer "}, b"", "")
    assert not authentic({"x-hub-signature-256": b"sha256=" + sign(BODY, "")}, BODY, "")


def test_a_secret_in_another_script_works():
    assert authentic({"x-gitlab-token": "тайна".encode()}, b"", "тайна")


names = st.sampled_from(sorted({mark for one in SENDERS for mark in (*one.marks, one.signature)} | {"authorization"}))


@given(st.dictionaries(names, st.binary(max_size=80)), st.binary(max_size=200))
def test_no_headers_and_no_body_raise_or_get_in_by_chance(headers, body):
    assert not authentic(headers, body, SECRET)
