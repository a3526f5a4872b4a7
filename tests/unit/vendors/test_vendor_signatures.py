"""Every row of how senders authenticate: what is signed, by which header, and what is refused."""

from __future__ import annotations

import hmac
from base64 import b64encode
from urllib.parse import urlencode

import pytest
from support.deliveries import vendors

from agent.core.delivery import Delivery

KEY, OTHER = b"It's a Secret to Everybody", b"another one"
BODY = b'{"ref":"refs/heads/main"}'
FORM = {"content-type": b"application/x-www-form-urlencoded"}

UNSIGNED = ("azure-devops", "dockerhub", "harbor", "quay", "acr", "ecr", "gar", "distribution")


def hexed(key, body, algorithm="sha256"):
    return hmac.new(key, body, algorithm).hexdigest().encode()


def signed(vendor_name, headers, body=BODY, secrets=(KEY,), now=None):
    return vendors()[vendor_name].verify(Delivery(headers=headers, body=body, now=now), secrets, "signature")


SCHEMES = [
    ("github", "x-hub-signature-256", b"sha256=", "sha256"),
    ("gitea", "x-gitea-signature", b"", "sha256"),
    ("forgejo", "x-forgejo-signature", b"", "sha256"),
    ("gogs", "x-gogs-signature", b"", "sha256"),
    ("bitbucket", "x-hub-signature", b"sha256=", "sha256"),
    ("bitbucket-server", "x-hub-signature", b"sha256=", "sha256"),
    ("nexus", "x-nexus-webhook-signature", b"", "sha1"),
    ("jfrog", "x-jfrog-event-auth", b"", "sha256"),
    ("generic", "x-signature", b"sha256=", "sha256"),
    ("generic", "x-signature", b"sha512=", "sha512"),
    ("generic", "x-hub-signature-256", b"sha256=", "sha256"),
    ("generic", "x-hub-signature-256", b"sha512=", "sha512"),
]


@pytest.mark.parametrize(("vendor_name", "header", "prefix", "algorithm"), SCHEMES)
def test_a_sender_is_believed_by_its_own_signature(vendor_name, header, prefix, algorithm):
    right = prefix + hexed(KEY, BODY, algorithm)
    assert signed(vendor_name, {header: right})
    assert signed(vendor_name, {header: b" " + right.upper().replace(prefix.upper(), prefix) + b" "})
    assert signed(vendor_name, {header: right}, secrets=(OTHER, KEY))
    assert not signed(vendor_name, {header: right}, body=BODY + b" ")
    assert not signed(vendor_name, {header: right}, secrets=(OTHER,))
    assert not signed(vendor_name, {header: right}, secrets=())
    assert not signed(vendor_name, {header: prefix + hexed(b"", BODY, algorithm)}, secrets=(b"",))


@pytest.mark.parametrize(("vendor_name", "header", "prefix", "algorithm"), SCHEMES)
@pytest.mark.parametrize("value", [b"", b" ", b"\xff\xfe", b"sha1=", b"md5=00", b"sha256=", "é".encode()])
def test_an_empty_or_strange_signature_proves_nothing(vendor_name, header, prefix, algorithm, value):
    assert not signed(vendor_name, {header: value})
    assert not signed(vendor_name, {header: prefix + value})
    assert not signed(vendor_name, {})
    assert algorithm


@pytest.mark.parametrize("vendor_name", ["github", "bitbucket", "bitbucket-server", "generic"])
def test_sha1_is_refused_elsewhere(vendor_name):
    value = b"sha1=" + hexed(KEY, BODY, "sha1")
    assert not signed(vendor_name, dict.fromkeys(("x-hub-signature", "x-hub-signature-256", "x-signature"), value))


@pytest.mark.parametrize("vendor_name", UNSIGNED)
def test_a_sender_that_cannot_sign_is_never_believed_by_a_signature(vendor_name):
    headers = {header: prefix + hexed(KEY, BODY, algorithm) for _, header, prefix, algorithm in SCHEMES}
    assert not signed(vendor_name, headers | {"authorization": KEY})


def test_the_published_vectors_verify():
    hub = b"757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert signed("github", {"x-hub-signature-256": b"sha256=" + hub}, body=b"Hello, World!")
    cloud = b"a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9"
    assert signed("bitbucket", {"x-hub-signature": b"sha256=" + cloud}, body=b"Hello World!")
    standard = {
        "webhook-id": b"msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": b"1614265330",
        "webhook-signature": b"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    key = b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    for name in ("gitlab", "generic"):
        assert signed(name, standard, body=b'{"test": 2432232314}', secrets=(key,))


def test_github_signs_the_text_of_a_form():
    body = urlencode({"payload": BODY}).encode()
    assert signed("github", FORM | {"x-hub-signature-256": b"sha256=" + hexed(KEY, body)}, body=body)
    assert not signed("github", FORM | {"x-hub-signature-256": b"sha256=" + hexed(KEY, BODY)}, body=body)


@pytest.mark.parametrize("vendor_name", ["gitea", "forgejo", "gogs"])
def test_the_gitea_family_signs_what_a_form_carries(vendor_name):
    header, body = f"x-{vendor_name}-signature", b"a=1&" + urlencode({"payload": BODY}).encode()
    assert signed(vendor_name, FORM | {header: hexed(KEY, BODY)}, body=body)
    assert not signed(vendor_name, FORM | {header: hexed(KEY, body)}, body=body)
    assert not signed(vendor_name, FORM | {header: hexed(KEY, BODY)}, body=b"a=1")


def test_a_gitea_delivery_is_not_believed_by_a_header_of_github():
    headers = {"x-gitea-signature": b"", "x-hub-signature-256": b"sha256=" + hexed(KEY, BODY)}
    assert not signed("gitea", headers)


def test_gitlab_is_believed_by_its_token():
    assert signed("gitlab", {"x-gitlab-token": KEY})
    assert signed("gitlab", {"x-gitlab-token": KEY, "webhook-signature": b""})
    assert not signed("gitlab", {"x-gitlab-token": OTHER})
    assert not signed("gitlab", {"x-gitlab-token": b""}, secrets=(b"",))


def test_a_signature_of_gitlab_that_is_wrong_is_not_made_good_by_the_token():
    assert not signed("gitlab", {"x-gitlab-token": KEY, "webhook-signature": b"v1,AAAA"})


def test_jfrog_is_believed_by_the_secret_as_it_is():
    assert signed("jfrog", {"x-jfrog-event-auth": KEY})
    assert not signed("jfrog", {"x-jfrog-event-auth": b"", "authorization": KEY})


def standard(stamp=b"1000", key=KEY, version=b"v1", identity=b"msg_1"):
    signature = hmac.digest(key, b".".join((identity, stamp, BODY)), "sha256")
    return {
        "webhook-id": identity,
        "webhook-timestamp": stamp,
        "webhook-signature": b"v1,AAAA " + version + b"," + b64encode(signature),
    }


@pytest.mark.parametrize(
    ("headers", "now", "believed"),
    [
        (standard(), None, True),
        (standard(), 1300.0, True),
        (standard(), 1301.0, False),
        (standard(), 699.0, False),
        (standard(version=b"v2"), None, False),
        (standard(key=OTHER), None, False),
        (standard(stamp=b"soon"), None, False),
        (standard(stamp=b"9" * 20), None, False),
        (standard(identity=b""), None, False),
        (standard() | {"webhook-id": b"msg_2"}, None, False),
    ],
)
def test_a_standard_webhook_is_fresh_and_signed_by_one_of_its_signatures(headers, now, believed):
    assert signed("generic", headers, now=now) is believed


def test_a_key_that_calls_itself_base64_and_is_not_proves_nothing():
    assert not signed("generic", standard(key=b"whsec_%%%"), secrets=(b"whsec_%%%",))


def test_the_first_signature_that_is_there_decides():
    right = b"sha256=" + hexed(KEY, BODY)
    assert not signed("generic", {"x-signature": b"sha256=00", "x-hub-signature-256": right})
    assert signed("generic", {"x-signature": b"", "x-hub-signature-256": right})


@pytest.mark.parametrize("vendor_name", sorted(vendors()))
@pytest.mark.parametrize(
    ("headers", "believed"),
    [
        ({"authorization": KEY}, True),
        ({"authorization": b"Bearer " + KEY}, True),
        ({"authorization": b"bearer  " + KEY}, True),
        ({"authorization": b"Basic " + KEY}, False),
        ({"x-pierhead-token": KEY}, True),
        ({"x-api-key": KEY}, True),
        ({"x-gitlab-token": KEY}, True),
        ({"x-other": KEY}, False),
        ({"authorization": b"Bearer "}, False),
        ({"authorization": "Bearer é".encode()}, False),
        ({}, False),
    ],
)
def test_a_token_is_taken_from_a_small_set_of_headers(vendor_name, headers, believed):
    delivery = Delivery(headers=headers)
    assert vendors()[vendor_name].verify(delivery, (b"", OTHER, KEY), "token") is believed


@pytest.mark.parametrize(
    ("secret", "credentials", "believed"),
    [
        (b"ci:s3:cret", b"ci:s3:cret", True),
        (b"s3:cret", b"anyone:s3:cret", True),
        (b"ci:s3", b"cd:s3", False),
        (b"s3", b"s3", False),
        (b"", b":", False),
    ],
)
def test_a_password_is_for_its_user_or_for_any(secret, credentials, believed):
    delivery = Delivery(headers={"authorization": b"Basic " + b64encode(credentials)})
    for vendor in vendors().values():
        assert vendor.verify(delivery, (OTHER, secret), "basic") is believed


@pytest.mark.parametrize("value", [b"", b"Basic", b"Basic %%%", b"Basic \xff", b"Bearer czM="])
def test_credentials_that_are_none_prove_nothing(value):
    assert not vendors()["ecr"].verify(Delivery(headers={"authorization": value}), (b"s3",), "basic")


def test_a_path_is_checked_elsewhere():
    assert not vendors()["quay"].verify(Delivery(headers={"authorization": KEY}), (KEY,), "path")


@pytest.mark.parametrize(
    ("vendor_name", "headers", "expected"),
    [
        ("github", {"x-github-delivery": b"g"}, "g"),
        ("gitlab", {"idempotency-key": b"i", "webhook-id": b"w", "x-gitlab-event-uuid": b"u"}, "i"),
        ("gitlab", {"webhook-id": b"w", "x-gitlab-event-uuid": b"u"}, "w"),
        ("gitlab", {"x-gitlab-event-uuid": b"u"}, None),
        ("gitea", {"x-gitea-delivery": b"t", "x-github-delivery": b"g"}, "t"),
        ("forgejo", {"x-forgejo-delivery": b"f"}, "f"),
        ("gogs", {"x-gogs-delivery": b"o"}, "o"),
        ("bitbucket", {"x-request-uuid": b"b", "x-request-id": b"proxy"}, "b"),
        ("bitbucket-server", {"x-request-id": b"s"}, "s"),
        ("nexus", {"x-nexus-webhook-delivery": b"n"}, "n"),
        ("harbor", {"x-request-id": b"p"}, None),
        ("generic", {"webhook-id": b"msg_1", "x-request-id": b"proxy"}, "msg_1"),
        ("github", {"x-github-delivery": b" "}, None),
    ],
)
def test_a_repeated_delivery_is_known_by_the_senders_own_header(vendor_name, headers, expected):
    assert vendors()[vendor_name].delivery_id(Delivery(headers=headers)) == expected
