"""Each answer of the webhook ingress, and what it takes to get it: the table of answers, row by row."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from fakes.ingress import FakeIngress
from fakes.view import NOW
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.asgi import Client
from support.signing import hexadecimal, signed_by, standard_webhook

from agent.core.inbound import MANUAL
from agent.core.reasons import Reason
from agent.errors import Stalled, Transient
from agent.web import ingress_request
from agent.web.app import create_ingress_app
from agent.web.ingress import LARGE, REFUSAL_BURST
from agent.web.ingress_reading import WITH_ID
from agent.web.options import WebOptions

SECRET = "s3cret of the shop"
COMMIT = "3f9a2c1b7d40e5a6c8f1927364b0d1e2f3a4b5c6"
IMAGE = b'{"image": "registry.example.com/shop/web:1.4.3"}'
TOKEN = {"authorization": f"Bearer {SECRET}"}
JSON = {"content-type": "application/json"}


class Time:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def client(ingress: FakeIngress, time: Time) -> Iterator[Client]:
    options = WebOptions(version="0", host="edge-1", max_body=1000, now=lambda: NOW, monotonic=time)
    with Client(create_ingress_app(ingress, options)) as one:
        yield one


def image(tag: str) -> bytes:
    return json.dumps({"image": f"registry.example.com/shop/web:{tag}"}).encode()


def test_a_signed_delivery_is_stored_and_its_events_are_named(client, ingress):
    ingress.add("shop.0", SECRET)
    body = json.dumps({"ref": "refs/heads/main", "commit": COMMIT, "repo": "shop/web"}).encode()
    answer = client.post("/webhook/shop.0", content=body, headers=signed_by("generic", SECRET, body) | JSON)
    assert (answer.status_code, answer.json()) == (202, {"outcome": "accepted", "events": ["e00001"]})
    [(trigger, event)] = ingress.stored
    assert (trigger, event.branch, event.commit, event.vendor) == ("shop.0", "main", COMMIT, "generic")


def test_a_delivery_of_several_events_stores_them_together(client, ingress):
    ingress.add("registry", SECRET, auth="token")
    target = {"repository": "shop/web", "mediaType": "application/vnd.oci.image.manifest.v1+json"}
    events = [
        {
            "id": f"id-{tag}",
            "action": "push",
            "target": target | {"tag": tag, "digest": f"sha256:{tag * 64}"},
            "request": {"host": "registry.example.com"},
        }
        for tag in "ab"
    ]
    kind = {"content-type": "application/vnd.docker.distribution.events.v2+json"}
    answer = client.post("/webhook/registry", content=json.dumps({"events": events}), headers=TOKEN | kind)
    assert answer.json() == {"outcome": "accepted", "events": ["e00001", "e00002"]}
    assert [event.image_tag for _, event in ingress.stored] == ["a", "b"]


@pytest.mark.parametrize(
    ("headers", "body", "why"),
    [
        ({"x-github-event": "ping"}, {"zen": "Keep it logically awesome.", "hook_id": 1}, "ping"),
        ({"x-github-event": "star"}, {"action": "created"}, "announces no new version"),
        (
            {"x-github-event": "push"},
            {"ref": "refs/heads/old", "deleted": True, "after": "0" * 40},
            "deleted",
        ),
    ],
)
def test_what_is_understood_and_not_for_us_is_ignored_with_the_reason(client, ingress, headers, body, why):
    ingress.add("shop", SECRET)
    content = json.dumps(body).encode()
    answer = client.post("/webhook/shop", content=content, headers=headers | signed_by("github", SECRET, content))
    assert (answer.status_code, answer.json()["outcome"]) == (200, "ignored")
    assert why in answer.json()["reason"]
    assert (ingress.stored, ingress.keys) == ([], {})


def test_the_same_id_or_the_same_body_is_a_duplicate(client, ingress):
    ingress.add("shop", SECRET)

    def push(identity: str, commit: str) -> dict[str, object]:
        body = json.dumps({"ref": "refs/heads/main", "after": commit, "commits": []}).encode()
        headers = {"x-github-event": "push", "x-github-delivery": identity} | signed_by("github", SECRET, body)
        return client.post("/webhook/shop", content=body, headers=headers).json()

    assert push("1", "a" * 40)["outcome"] == "accepted"
    assert push("1", "a" * 40) == {"outcome": "duplicate"}
    assert push("2", "a" * 40) == {"outcome": "duplicate"}  # a captured body under a fresh id
    assert push("1", "b" * 40) == {"outcome": "duplicate"}
    assert push("3", "b" * 40)["outcome"] == "accepted"
    assert len(ingress.stored) == 2


def test_a_delivery_with_an_id_is_remembered_for_a_week_and_one_without_for_a_minute(client, ingress):
    ingress.add("shop", SECRET, auth="token")
    client.post("/webhook/shop", content=IMAGE, headers=TOKEN)
    assert [round(seconds) for seconds in ingress.keys.values()] == [60]
    ingress.keys.clear()
    notice = {"source": "aws.ecr", "id": "1-2", "account": "1", "region": "eu-west-1"} | {
        "detail-type": "ECR Image Action",
        "detail": {"action-type": "PUSH", "result": "SUCCESS", "repository-name": "shop", "image-tag": "1"},
    }
    client.post("/webhook/shop", content=json.dumps(notice), headers=TOKEN)
    assert sorted(key.split(":")[:2] for key in ingress.keys) == [["shop", "body"], ["shop", "id"]]
    assert "shop:id:ecr:1-2" in ingress.keys
    assert {round(seconds) for seconds in ingress.keys.values()} == {7 * 86400}


def test_a_body_is_known_again_in_the_form_that_its_signature_does_not_cover(client, ingress):
    ingress.add("shop", SECRET)
    body = json.dumps({"ref": "refs/heads/main", "after": COMMIT}).encode()
    form = b"more=1&payload=" + quote(body).encode()
    headers = {"x-gitea-event": "push"} | signed_by("gitea", SECRET, body)
    kind = {"content-type": "application/x-www-form-urlencoded"}
    assert client.post("/webhook/shop", content=body, headers=headers | JSON).status_code == 202
    assert client.post("/webhook/shop", content=form, headers=headers | kind).json() == {"outcome": "duplicate"}


def test_two_triggers_know_their_deliveries_each_on_its_own(client, ingress):
    for name in ("one", "two"):
        ingress.add(name, SECRET, auth="token")
        assert client.post(f"/webhook/{name}", content=IMAGE, headers=TOKEN).status_code == 202


@pytest.mark.parametrize(
    ("auth", "headers", "challenge"),
    [
        ("signature", {}, "Bearer"),
        ("signature", {"x-signature": "sha256="}, "Bearer"),
        ("signature", {"x-signature": "sha256=" + "0" * 64}, "Bearer"),
        ("signature", TOKEN, "Bearer"),
        ("token", {"authorization": "Bearer guess"}, "Bearer"),
        ("token", {"authorization": "Bearer "}, "Bearer"),
        ("token", {"x-api-key": ""}, "Bearer"),
        ("basic", {"authorization": "Basic " + "Z3Vlc3M6Z3Vlc3M="}, 'Basic realm="webhook", charset="UTF-8"'),
        ("basic", TOKEN, 'Basic realm="webhook", charset="UTF-8"'),
    ],
)
def test_a_missing_or_wrong_proof_is_refused(client, ingress, auth, headers, challenge):
    ingress.add("shop", SECRET, auth=auth)
    answer = client.post("/webhook/shop", content=IMAGE, headers=headers)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, challenge)
    assert ingress.stored == []


@pytest.mark.parametrize("value", [b"sha256=\xe9\xff", b"\xff\xfe", b"sha256=" + "ё".encode() * 64, b"v1,\xff"])
@pytest.mark.parametrize("name", [b"x-hub-signature-256", b"x-signature", b"authorization", b"webhook-signature"])
@pytest.mark.parametrize("auth", ["signature", "token", "basic"])
def test_headers_that_are_not_ascii_are_wrong_and_no_failure(client, ingress, name, value, auth):
    ingress.add("shop", SECRET, auth=auth)
    headers = [(name, value), (b"webhook-id", value), (b"webhook-timestamp", str(int(NOW)).encode())]
    assert client.post("/webhook/shop", content=IMAGE, headers=headers).status_code == 401


@pytest.mark.parametrize("secret", ["old", "new"])
@pytest.mark.parametrize("auth", ["signature", "token"])
def test_while_a_secret_is_replaced_both_are_taken(client, ingress, secret, auth):
    ingress.add("shop", "new", "old", auth=auth)
    headers = signed_by("generic", secret, IMAGE) if auth == "signature" else {"x-webhook-token": secret}
    assert client.post("/webhook/shop", content=IMAGE, headers=headers).status_code == 202


@pytest.mark.parametrize("auth", ["signature", "token", "basic", "path"])
def test_a_trigger_without_a_usable_secret_is_open_to_nobody(client, ingress, auth):
    ingress.add("shop", "", auth=auth)
    headers = {"authorization": "Bearer ", **signed_by("generic", "", IMAGE)}
    assert client.post("/webhook/shop", content=IMAGE, headers=headers).status_code in (401, 404)
    assert client.post("/webhook/shop/%00", content=IMAGE, headers=headers).status_code == 404
    assert ingress.stored == []


def test_of_a_repeated_header_the_first_counts(client, ingress):
    ingress.add("shop", SECRET, auth="token")
    right, wrong = (b"authorization", f"Bearer {SECRET}".encode()), (b"authorization", b"Bearer wrong")
    assert client.post("/webhook/shop", content=IMAGE, headers=[right, wrong]).status_code == 202
    assert client.post("/webhook/shop", content=image("2"), headers=[wrong, right]).status_code == 401


@pytest.mark.parametrize("secret", ["plain", "with/slash and +%", "тайна", "a%2Fb", "?#&="])
def test_a_sender_that_cannot_sign_has_the_secret_in_the_address(client, ingress, secret):
    ingress.add("shop", secret, auth="path")
    assert client.post(f"/webhook/shop/{quote(secret, safe='')}", content=IMAGE).status_code == 202
    for wrong in ("guess", quote(secret, safe="") + "x", "%ff", quote(secret[:-1] or "x", safe="")):
        assert client.post(f"/webhook/shop/{wrong}", content=image("2")).status_code == 404
    assert len(ingress.stored) == 1


def test_nobody_can_tell_an_unknown_trigger_from_a_disabled_one_or_a_wrong_token(client, ingress):
    ingress.add("shop", SECRET, auth="path")
    ingress.add("signed", SECRET)
    places = ["/webhook/no", "/webhook/no/token", "/webhook/shop", "/webhook/shop/guess", "/webhook/signed/token"]
    answers = [client.post(place, content=IMAGE, headers=TOKEN) for place in places]
    assert {one.status_code for one in answers} == {404}
    assert len({one.content for one in answers}) == 1
    assert len({tuple(one.headers.raw) for one in answers}) == 1


@pytest.mark.parametrize("headers", [{"content-type": "text/xml"}, {"content-encoding": "gzip"}, {}])
@pytest.mark.parametrize("size", [10, 1001])
@pytest.mark.parametrize("method", ["POST", "GET", "PUT"])
def test_whatever_is_sent_to_an_unknown_trigger_is_answered_as_for_a_wrong_token(
    client, ingress, headers, size, method
):
    ingress.add("shop", SECRET, auth="path")
    known, unknown = (
        client.request(method, f"/webhook/{name}/guess", content=b"x" * size, headers=headers)
        for name in ("shop", "no")
    )
    assert (known.status_code, known.content, known.headers.raw) == (
        unknown.status_code,
        unknown.content,
        unknown.headers.raw,
    )


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"])
@pytest.mark.parametrize("name", ["shop", "no", "shop/token", "no/token"])
def test_only_post_is_taken_whether_there_is_such_a_trigger_or_not(client, ingress, method, name):
    ingress.add("shop", SECRET)
    answer = client.request(method, f"/webhook/{name}")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize("path", ["/webhook", "/webhook/", "/webhook/shop/", "/webhook//x", "/webhook/shop/a/b"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_addresses_of_another_shape_are_not_there(client, ingress, path, method):
    ingress.add("shop", "a/b", auth="path")
    assert client.request(method, path, content=IMAGE if method == "POST" else None).status_code == 404


def test_a_body_over_the_limit_is_not_taken_whatever_its_length_says(client, ingress):
    ingress.add("shop", SECRET, auth="token")

    async def endless():
        for _ in range(100):
            yield b"x" * 100

    assert client.post("/webhook/shop", content=b"x" * 1001, headers=TOKEN).status_code == 413
    assert client.post("/webhook/shop", content=endless(), headers=TOKEN).status_code == 413
    for claim in (b"5", b"-1", b"\xc2\xb2", b"9" * 400):
        headers = [(b"content-length", claim), (b"authorization", TOKEN["authorization"].encode())]
        assert client.post("/webhook/shop", content=endless(), headers=headers).status_code == 413


def test_a_body_that_does_not_arrive_is_not_waited_for(client, ingress, monkeypatch):
    monkeypatch.setattr(ingress_request, "BODY_TIMEOUT", 0.05)
    ingress.add("shop", SECRET, auth="token")

    async def slow():
        yield b"x"
        await asyncio.Event().wait()

    assert client.post("/webhook/shop", content=slow(), headers=TOKEN).status_code == 408
    assert ingress.outcomes == [("shop", "refused", 408)]


def test_who_is_told_to_stop_while_a_body_arrives_stops():
    async def never() -> dict[str, object]:
        await asyncio.Event().wait()
        return {}

    async def stopped() -> bool:
        bodies = ingress_request.Bodies(1000)
        reading = asyncio.ensure_future(ingress_request.Body(bodies).read(never, {}))
        await asyncio.sleep(0)
        reading.cancel()
        await asyncio.wait([reading])
        return reading.cancelled()

    assert asyncio.run(stopped())


def test_many_bodies_that_arrive_slowly_cannot_fill_the_memory(ingress, monkeypatch):
    monkeypatch.setattr(ingress_request, "ROOM", 0)
    ingress.add("shop", SECRET, auth="token")
    options = WebOptions(version="0", host="h", max_body=100)
    with Client(create_ingress_app(ingress, options)) as client:

        async def crowd() -> list[int]:
            arrived, released = asyncio.Semaphore(0), asyncio.Event()

            async def slow():
                yield b" " * 100
                arrived.release()
                await released.wait()

            post = client._client.post
            waiting = [asyncio.ensure_future(post("/webhook/shop", content=slow(), headers=TOKEN)) for _ in range(4)]
            for _ in waiting:
                await arrived.acquire()
            late = await post("/webhook/no", content=b"x", headers=TOKEN)
            released.set()
            return [late.status_code, *(one.status_code for one in await asyncio.gather(*waiting))]

        assert client.run(crowd) == [503, 202, 202, 202, 202]
        assert client.post("/webhook/shop", content=IMAGE, headers=TOKEN).status_code == 202


@pytest.mark.parametrize(
    "kind",
    [
        None,
        "application/json",
        "Application/JSON; charset=utf-8",
        "application/cloudevents+json",
        "text/plain; charset=UTF-8",
        "application/x-www-form-urlencoded",
        "",
    ],
)
def test_what_senders_say_of_their_json_is_taken(client, ingress, kind):
    ingress.add("shop", SECRET, auth="token")
    headers = TOKEN if kind is None else TOKEN | {"content-type": kind}
    assert client.post("/webhook/shop", content=IMAGE, headers=headers).status_code == 202


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "text/xml"},
        {"content-type": "application/xml"},
        {"content-type": "multipart/form-data; boundary=x"},
        {"content-type": "application/octet-stream"},
        {"content-type": "\xff\xfe"},
        {"content-encoding": "gzip"},
    ],
)
def test_what_no_sender_sends_is_of_a_wrong_type(client, ingress, headers):
    ingress.add("shop", SECRET, auth="token")
    encoded = [(name.encode(), value.encode("latin-1")) for name, value in (TOKEN | headers).items()]
    assert client.post("/webhook/shop", content=IMAGE, headers=encoded).status_code == 415
    assert ingress.outcomes == [("shop", "refused", 415)]


@pytest.mark.parametrize(
    ("headers", "body", "found"),
    [
        ({}, b"not json", "body: expected JSON"),
        ({}, b"[1]", "expected an object, found a list"),
        ({}, b"{}", "expected image or ref at the top, found neither"),
        ({"x-github-event": "push"}, b"{}", "expected a line of text at ref, found nothing"),
        ({"x-github-delivery": "1"}, b"{}", "expected x-github-event, found none"),
        ({}, b"[" * 400, "body: expected JSON"),
        ({}, b'{"image": ' + b"[" * 100 + b"]" * 100 + b"}", "at most 64 levels"),
        ({}, b'{"image": "\xff"}', "not UTF-8"),
        ({}, b'{"image": ' + b"9" * 900 + b"}", "expected a line of text at image, found a number"),
    ],
)
def test_a_body_that_its_vendor_does_not_send_is_malformed_and_the_answer_says_how(
    client, ingress, headers, body, found
):
    ingress.add("shop", SECRET, auth="token")
    answer = client.post("/webhook/shop", content=body, headers=TOKEN | headers)
    assert answer.status_code == 422
    assert found in answer.json()["error"]["message"]
    assert ingress.records[-1].reason == answer.json()["error"]["message"]


def test_nothing_is_parsed_for_who_does_not_prove_himself(client, ingress):
    ingress.add("shop", SECRET, auth="token")
    assert client.post("/webhook/shop", content=b"not json").status_code == 401


@pytest.mark.parametrize("kind", [{}, JSON, {"content-type": "application/x-www-form-urlencoded"}])
@pytest.mark.parametrize("body", [b"", b"  \r\n"])
@pytest.mark.parametrize(("vendor", "manual"), [("auto", False), ("github", False), ("generic", True)])
def test_an_empty_body_fires_by_hand_each_time(client, ingress, kind, body, *, vendor, manual):
    ingress.add("shop", SECRET, vendor=vendor, manual=manual)
    headers = signed_by("generic", SECRET, body) | kind
    for _ in range(2):
        assert client.post("/webhook/shop", content=body, headers=headers).status_code == 202
    assert [(event.type, event.vendor) for _, event in ingress.stored] == [(MANUAL, None)] * 2
    assert client.post("/webhook/shop", content=body).status_code == 401


@pytest.mark.parametrize("proof", ["standard", "x-hub-signature-256", "token", "basic", "path"])
def test_an_empty_body_is_authenticated_in_every_way(client, ingress, proof):
    ways = {"token": TOKEN, "basic": {"authorization": "Basic OnMzY3JldCBvZiB0aGUgc2hvcA=="}, "path": {}}
    ingress.add("shop", SECRET, auth=proof if proof in ways else "signature")
    signatures = {
        "standard": standard_webhook(SECRET, b"", "msg_1", NOW),
        "x-hub-signature-256": {"x-hub-signature-256": f"sha256={hexadecimal(SECRET, b'')}"},
    }
    path = f"/webhook/shop/{quote(SECRET)}" if proof == "path" else "/webhook/shop"
    assert client.post(path, headers=ways.get(proof) or signatures.get(proof, {})).status_code == 202
    assert client.post("/webhook/shop").status_code in (401, 404)


def test_a_manual_trigger_takes_nothing_but_empty_bodies(client, ingress):
    ingress.add("by-hand", SECRET, vendor="generic", auth="token", manual=True)
    answer = client.post("/webhook/by-hand", content=IMAGE, headers=TOKEN)
    assert answer.status_code == 422
    assert "fired by hand" in answer.json()["error"]["message"]
    assert ingress.stored == []


@pytest.mark.parametrize("body", [IMAGE, b""])
def test_a_script_that_signs_its_ids_may_say_the_same_twice_but_nobody_may_send_it_again(client, ingress, body):
    ingress.add("shop", SECRET)

    def outcome(identity: str) -> str:
        headers = standard_webhook(SECRET, body, identity, NOW) | JSON
        return client.post("/webhook/shop", content=body, headers=headers).json()["outcome"]

    assert [outcome(identity) for identity in ("1", "2", "1", "2")] == ["accepted", "accepted", *["duplicate"] * 2]
    assert set(ingress.keys.values()) == {WITH_ID}


@pytest.mark.parametrize("way", ["signature", "token"])
def test_an_id_that_nobody_signed_hides_no_repeated_delivery(client, ingress, way):
    ingress.add("shop", SECRET, auth=way)
    proof = signed_by("generic", SECRET, IMAGE) if way == "signature" else TOKEN | {"webhook-signature": "v1,AAAA"}
    said = [
        client.post("/webhook/shop", content=IMAGE, headers=proof | JSON | {"webhook-id": identity}).json()
        for identity in ("1", "2")
    ]
    assert [one["outcome"] for one in said] == ["accepted", "duplicate"]


def test_a_sender_that_is_too_fast_is_told_when_to_come_back(ingress, time):
    ingress.add("shop", SECRET, auth="token")
    options = WebOptions(version="0", host="h", webhook_rate=2, webhook_burst=3, monotonic=time)
    with Client(create_ingress_app(ingress, options)) as client:
        for name in ("shop", "no"):
            codes = [client.post(f"/webhook/{name}", headers=TOKEN).status_code for _ in range(4)]
            assert codes[-1] == 429
            time.now += 60
        for _ in range(4):
            answer = client.post("/webhook/shop", headers=TOKEN)
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
        time.now += 1
        assert client.post("/webhook/shop", headers=TOKEN).status_code == 202


@pytest.mark.parametrize("name", ["shop", "no"])
def test_who_is_refused_often_is_told_to_slow_down_but_never_kept_from_proving_himself(client, ingress, time, name):
    ingress.add("shop", SECRET, auth="token")
    refused = 401 if name == "shop" else 404
    codes = [client.post(f"/webhook/{name}", content=IMAGE).status_code for _ in range(REFUSAL_BURST + 5)]
    assert codes == [refused] * REFUSAL_BURST + [429] * 5
    assert client.post(f"/webhook/{name}", content=IMAGE).headers["retry-after"] == "1"
    assert client.post("/webhook/shop", content=IMAGE, headers=TOKEN).status_code == 202
    time.now += 1
    assert client.post(f"/webhook/{name}", content=IMAGE).status_code == refused


def test_a_journal_that_cannot_be_written_asks_to_send_again(client, ingress, caplog):
    ingress.add("shop", SECRET, auth="token")
    ingress.error = Transient(Reason.JOURNAL_UNAVAILABLE, "journal /var/lib/x: the disk is full", retry_after=7)
    with caplog.at_level(logging.ERROR):
        answers = [client.post("/webhook/shop", content=IMAGE, headers=TOKEN) for _ in range(3)]
    assert {(one.status_code, one.headers["retry-after"]) for one in answers} == {(503, "7")}
    assert "/var/lib" not in answers[0].text
    assert caplog.text.count("the disk is full") == 1  # once a minute, however many come
    assert ingress.outcomes == [("shop", "failed", 503)] * 3
    ingress.error = None
    assert client.post("/webhook/shop", content=IMAGE, headers=TOKEN).status_code == 202


def test_a_journal_that_refuses_at_once_asks_to_send_again(client, ingress, monkeypatch):
    ingress.add("shop", SECRET, auth="token")

    def closed(*_: object) -> object:
        raise Transient(Reason.JOURNAL_UNAVAILABLE, "it is closed")

    monkeypatch.setattr(ingress, "accept", closed)
    answer = client.post("/webhook/shop", content=IMAGE, headers=TOKEN)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


def test_a_secret_that_cannot_be_looked_up_asks_to_send_again_and_its_name_is_not_told(client, ingress, caplog):
    ingress.triggers["shop"] = Stalled(Reason.SECRET_MISSING, "no provider has hook-secret", advice="create it")
    with caplog.at_level(logging.ERROR):
        answer = client.post("/webhook/shop", content=IMAGE, headers=TOKEN)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
    assert "hook-secret" not in answer.text
    assert "webhook shop: no provider has hook-secret; create it" in caplog.text
    assert ingress.outcomes == [("shop", "failed", 503)]
    assert "hook-secret" not in ingress.records[0].reason
    assert client.post("/webhook/shop", content=b"", headers={"content-type": "text/xml"}).status_code == 415
    assert ingress.outcomes[1] == ("shop", "refused", 415)


def test_a_large_body_is_worked_on_elsewhere_with_the_same_answers(ingress):
    ingress.add("shop", SECRET)
    with Client(create_ingress_app(ingress, WebOptions(version="0", host="h"))) as client:
        large = json.dumps({"image": "shop/web:1", "padding": "x" * LARGE}).encode()
        assert client.post("/webhook/shop", content=large).status_code == 401
        headers = signed_by("generic", SECRET, large)
        assert client.post("/webhook/shop", content=large, headers=headers).status_code == 202
        broken = b"{" + large
        assert (
            client.post("/webhook/shop", content=broken, headers=signed_by("generic", SECRET, broken)).status_code
            == 422
        )
        assert client.post("/webhook/no", content=large).status_code == 404


def test_a_sender_that_leaves_in_the_middle_causes_nothing(client, ingress):
    ingress.add("shop", SECRET, auth="token")

    async def hang_up() -> int:
        messages = iter([{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}])
        sent: list[dict[str, object]] = []

        async def receive() -> dict[str, object]:
            return next(messages)

        async def send(message: dict[str, object]) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "POST", "path": "/webhook/shop", "query_string": b"", "root_path": ""}
        await client.app(scope | {"headers": [], "client": None}, receive, send)
        return sent[0]["status"]

    assert client.run(hang_up) == 400
    assert ingress.outcomes == [("shop", "refused", 400)]


def test_who_stops_waiting_for_the_answer_changes_nothing_for_others(client, ingress, monkeypatch):
    ingress.add("shop", SECRET, auth="token")
    accept = ingress.accept
    late = []

    def kept(trigger, events, keys, post):
        return accept(trigger, events, keys, late.append)

    monkeypatch.setattr(ingress, "accept", kept)

    async def given_up() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await client._client.post("/webhook/shop", content=IMAGE, headers=TOKEN)
        late[0]()

    client.run(given_up)
    monkeypatch.undo()
    assert client.post("/webhook/shop", content=IMAGE, headers=TOKEN).json() == {"outcome": "duplicate"}


header_names = st.sampled_from(
    [
        *("x-github-event", "x-gitea-event", "x-gitlab-event", "x-event-key", "x-hub-signature-256", "authorization"),
        *("content-type", "content-encoding", "webhook-id", "webhook-timestamp", "webhook-signature", "x-signature"),
        *("x-gitlab-token", "x-nexus-webhook-id", "x-jfrog-event-auth", "ce-type", "content-length", "x-forgejo-event"),
    ]
)
bodies = st.one_of(
    st.binary(max_size=200),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=10),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["ref", "image", "events", "type", "after", "commits", "x"]), inner, max_size=4
            )
        ),
        max_leaves=10,
    ).map(lambda value: json.dumps(value).encode()),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    headers=st.lists(st.tuples(header_names, st.binary(max_size=40)), max_size=6),
    body=bodies,
    place=st.sampled_from(["shop", "token", "basic", "path", "no", "config", "shop/x", "path/s3cret", "%ff/%00"]),
    proven=st.booleans(),
)
def test_no_headers_and_no_body_make_it_fail(client, ingress, headers, body, *, place, proven):
    ingress.add("shop", SECRET)
    ingress.add("path", "s3cret", auth="path")
    for auth in ("token", "basic"):
        ingress.add(auth, SECRET, auth=auth)
    proof = {"authorization": f"Bearer {SECRET}"} | signed_by("generic", SECRET, body) if proven else {}
    encoded = [(name.encode(), value.encode()) for name, value in proof.items()]
    encoded += [(name.encode(), value) for name, value in headers]
    answer = client.post(f"/webhook/{place}", content=body, headers=encoded)
    assert answer.status_code in {200, 202, 401, 404, 413, 415, 422, 429}
