"""Each vendor is believed by its own rule alone, over HTTP as well, in whatever order its headers come."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from fakes.ingress import FakeIngress
from fakes.view import NOW
from support.asgi import Client
from support.deliveries import body_of, cases, vendors
from support.signing import SIGNERS, hexadecimal, signed_by, standard_webhook

from agent.core.delivery import Delivery
from agent.core.webhooks.selection import choose
from agent.web.app import create_ingress_app
from agent.web.options import WebOptions

SECRET = "s3cret of the shop"
PUSH = json.dumps({"ref": "refs/heads/main", "after": "3f9a" * 10, "commits": []}).encode()
FORM = {"content-type": "application/x-www-form-urlencoded"}
RECORDED = Path(__file__).parents[3].parent / "shared" / "webhooks" / "samples"
"""Deliveries as they were recorded, where a folder of them lies beside the checkout."""


@pytest.fixture
def client(ingress: FakeIngress) -> Iterator[Client]:
    with Client(create_ingress_app(ingress, WebOptions(version="0", host="edge-1", now=lambda: NOW))) as one:
        yield one


def composed() -> Iterator[Any]:
    """The deliveries that the tests of the vendors read, as (vendor, headers, body, form, expected status codes)."""
    for vendor_name, case in cases():
        kind = FORM if case.get("form") else {}
        expected = {202} if case.get("events") else {422} if case.get("error") else {200}
        if case.get("events") and all(event["type"] == "ping" for event in case["events"]):
            expected = {200}
        values = (case["headers"] | kind, body_of(case), bool(case.get("form")), expected)
        yield pytest.param(vendor_name, values, id=f"{vendor_name}: {case['name']}")


def recorded() -> Iterator[Any]:
    for path in sorted(RECORDED.glob("*.json")):
        sample = json.loads(path.read_text(encoding="utf-8"))
        body = sample["body"]
        content = (body if isinstance(body, str) else json.dumps(body)).encode()
        yield pytest.param(sample["vendor"], (sample["headers"], content, False, {200, 202}), id=path.stem)


DELIVERIES = [*composed(), *recorded()]


@pytest.mark.parametrize(("vendor_name", "delivery"), DELIVERIES)
@pytest.mark.parametrize("wanted", ["auto", "named"])
def test_a_delivery_is_taken_with_the_right_proof_and_refused_with_a_wrong_one(
    client, ingress, vendor_name, delivery, wanted
):
    sent, body, form, expected = delivery
    headers = {name.lower(): value for name, value in sent.items()}
    found = choose(vendors(), Delivery(headers={name: value.encode() for name, value in headers.items()}))
    known = wanted == "named" or found.name == vendor_name
    auth = "signature" if known and vendor_name in SIGNERS and body.strip() else "token"
    ingress.add("shop", SECRET, vendor=vendor_name if wanted == "named" else "auto", auth=auth)
    wrong = headers | signed_by(vendor_name if known else "", "guess", body, form=form)
    assert client.post("/webhook/shop", content=body, headers=wrong).status_code == 401
    right = headers | signed_by(vendor_name if known else "", SECRET, body, form=form)
    answer = client.post("/webhook/shop", content=body, headers=right)
    assert answer.status_code in (expected if known else {200, 202, 422}), answer.text


@pytest.mark.parametrize(("vendor_name", "delivery"), list(recorded()))
def test_a_recorded_delivery_is_taken_by_the_address_alone(client, ingress, vendor_name, delivery):
    headers, body, _, expected = delivery
    ingress.add("shop", SECRET, auth="path")
    assert client.post(f"/webhook/shop/{quote(SECRET)}", content=body, headers=headers).status_code in expected
    assert client.post("/webhook/shop/guess", content=body, headers=headers).status_code == 404


def gitea_headers(body: bytes, secret: str = SECRET) -> dict[str, str]:
    proof = hexadecimal(secret, body)
    return {
        "x-gitea-event": "push",
        "x-gitea-delivery": "1",
        "x-gitea-signature": proof,
        "x-gogs-event": "push",
        "x-gogs-signature": proof,
        "x-github-event": "push",
        "x-github-delivery": "1",
        "x-hub-signature-256": f"sha256={proof}",
    }


def test_the_order_of_headers_decides_nothing(client, ingress):
    ingress.add("shop", SECRET)
    headers = list(gitea_headers(PUSH).items())
    for number, order in enumerate(itertools.islice(itertools.permutations(headers), 0, 40_320, 4_000)):
        answer = client.post("/webhook/shop", content=PUSH, headers=list(order))
        assert answer.json()["outcome"] == ("duplicate" if number else "accepted")
    assert [event.vendor for _, event in ingress.stored] == ["gitea"]
    assert {one.vendor for one in ingress.records} == {"gitea"}


def test_a_delivery_of_gitea_to_a_trigger_of_github_is_judged_and_read_as_one_of_github(client, ingress):
    """Gitea sends what GitHub does as well, so that it works; what only Gitea signs does not."""
    ingress.add("shop", SECRET, vendor="github")
    alike = gitea_headers(PUSH)
    assert client.post("/webhook/shop", content=PUSH, headers=alike).status_code == 202
    own = {name: value for name, value in alike.items() if "hub-signature" not in name}
    assert client.post("/webhook/shop", content=PUSH, headers=own).status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        gitea_headers(PUSH, "guess") | {"x-hub-signature-256": f"sha256={hexadecimal(SECRET, PUSH)}"},
        gitea_headers(PUSH) | {"x-gitea-signature": ""},
        gitea_headers(PUSH) | {"x-gitea-signature": "0" * 64},
        gitea_headers(PUSH) | {"x-forgejo-event": "push", "x-forgejo-signature": ""},
        {"x-gitea-event": "push", "x-gitea-signature": "", "x-hub-signature-256": "sha256="},
        {"x-github-event": "push", "x-gitea-signature": hexadecimal(SECRET, PUSH)},
        {"x-github-event": "push", "x-hub-signature": f"sha1={hexadecimal(SECRET, PUSH, 'sha1')}"},
        {"x-gitlab-event": "Push Hook", "x-gitlab-token": SECRET, "webhook-signature": "v1,AAAA"},
        {"x-gitlab-event": "Push Hook", "x-gitlab-token": ""},
        {"x-event-key": "repo:push", "x-hub-signature": "sha256="},
        {"x-nexus-webhook-id": "rm:repository:component", "x-hub-signature-256": f"sha256={hexadecimal(SECRET, PUSH)}"},
    ],
)
def test_a_proof_of_another_vendor_or_an_empty_one_proves_nothing(client, ingress, headers):
    ingress.add("shop", SECRET)
    assert client.post("/webhook/shop", content=PUSH, headers=headers).status_code == 401
    assert ingress.stored == []


def test_a_forged_header_of_github_beside_a_signature_of_gitea_changes_nothing(client, ingress):
    ingress.add("shop", SECRET)
    headers = {"x-github-event": "ping", "x-hub-signature-256": "sha256=forged"}
    headers |= {"x-gitea-event": "push", "x-gitea-signature": hexadecimal(SECRET, PUSH)}
    assert client.post("/webhook/shop", content=PUSH, headers=headers).status_code == 202
    assert [event.vendor for _, event in ingress.stored] == ["gitea"]


def test_a_trigger_that_names_its_vendor_takes_no_other(client, ingress):
    ingress.add("shop", SECRET, vendor="gitea")
    github = {"x-github-event": "push"} | signed_by("github", SECRET, PUSH)
    assert client.post("/webhook/shop", content=PUSH, headers=github).status_code == 401
    gitlab = {"x-gitlab-event": "Push Hook"} | signed_by("gitlab", SECRET, PUSH)
    assert client.post("/webhook/shop", content=PUSH, headers=gitlab).status_code == 401


def test_of_a_form_github_signs_the_whole_and_gitea_the_payload(client, ingress):
    ingress.add("shop", SECRET)
    form = urlencode({"payload": PUSH.decode()}).encode()
    github = {"x-github-event": "push", **FORM}
    assert (
        client.post("/webhook/shop", content=form, headers=github | signed_by("github", SECRET, PUSH)).status_code
        == 401
    )
    assert (
        client.post("/webhook/shop", content=form, headers=github | signed_by("github", SECRET, form)).status_code
        == 202
    )
    ingress.keys.clear()
    gitea = {"x-gitea-event": "push", **FORM}
    assert (
        client.post("/webhook/shop", content=form, headers=gitea | signed_by("gitea", SECRET, form)).status_code == 401
    )
    assert (
        client.post("/webhook/shop", content=form, headers=gitea | signed_by("gitea", SECRET, PUSH)).status_code == 202
    )
    assert [(event.vendor, event.branch) for _, event in ingress.stored] == [("github", "main"), ("gitea", "main")]


@pytest.mark.parametrize(("age", "status"), [(0, 202), (299, 202), (-299, 202), (301, 401), (-301, 401), (10**9, 401)])
def test_a_standard_webhook_is_taken_only_near_its_time(client, ingress, age, status):
    ingress.add("shop", SECRET)
    body = b'{"ref": "main"}'
    headers = standard_webhook(SECRET, body, "msg_1", NOW - age)
    assert client.post("/webhook/shop", content=body, headers=headers).status_code == status


def test_the_type_that_curl_sends_by_default_does_not_make_a_form_of_json(client, ingress):
    ingress.add("shop", SECRET)
    body = b'{"image": "shop/web:1.4.3"}'
    answer = client.post("/webhook/shop", content=body, headers=FORM | signed_by("generic", SECRET, body))
    assert answer.status_code == 202
    assert [event.image_tag for _, event in ingress.stored] == ["1.4.3"]


def test_fields_of_a_form_are_taken_as_well(client, ingress):
    ingress.add("shop", SECRET, auth="token")
    headers = FORM | {"x-api-key": SECRET}
    assert client.post("/webhook/shop", content=b"image=shop/web&tag=1.4.3", headers=headers).status_code == 202
    assert client.post("/webhook/shop", content=b"image=shop/web&tag=1.4.4", headers=headers).status_code == 202
    assert [event.image_tag for _, event in ingress.stored] == ["1.4.3", "1.4.4"]
