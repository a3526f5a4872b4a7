"""Every delivery to a trigger is recorded and counted: what became of it, never what was in it, and never too much."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from fakes.ingress import FakeIngress
from fakes.view import NOW, FakeView
from support.asgi import Client
from support.signing import hexadecimal, signed_by

from agent.web import ingress_records
from agent.web.app import create_app, create_ingress_app, create_status_app
from agent.web.options import WebOptions
from agent.web.server import Site, webhook_outcomes
from agent.web.throttle import origin

SECRET = "s3cret of the shop"
PLANTED = "planted-4711"
TOKEN = {"authorization": f"Bearer {SECRET}"}
IMAGE = b'{"image": "shop/web:1.4.3"}'


class Time:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def options(time: Time) -> WebOptions:
    return WebOptions(version="0", host="edge-1", max_body=1000, now=lambda: NOW, monotonic=time)


@pytest.fixture
def client(ingress: FakeIngress, options: WebOptions) -> Iterator[Client]:
    with Client(create_ingress_app(ingress, options)) as one:
        yield one


def test_a_record_says_what_became_of_a_delivery(client, ingress, time):
    ingress.add("shop.0", SECRET, auth="token")
    ingress.next_delivery_id()
    client.post("/webhook/shop.0", content=IMAGE, headers=TOKEN)
    [record] = ingress.records
    assert record.as_dict() == {
        "id": record.id,
        "time": "2026-11-24T00:30:00.000Z",
        "host": "edge-1",
        "direction": "in",
        "trigger": "shop.0",
        "outcome": "accepted",
        "vendor": "generic",
        "status": 202,
        "reason": "",
        "events": ["e00002"],
        "sender": "127.0.0.1",
        "size": len(IMAGE),
        "seconds": 0.0,
    }


def test_each_outcome_is_recorded_and_counted(client, ingress):
    ingress.add("shop", SECRET, auth="token")
    for body, headers in (
        (IMAGE, TOKEN),
        (IMAGE, TOKEN),
        (b"{}", TOKEN | {"x-github-event": "ping"}),
        (b"{}", TOKEN),
        (b"{}", {}),
        (b"x" * 1001, TOKEN),
        (b"", TOKEN | {"content-type": "text/xml"}),
        (b"", TOKEN),
    ):
        client.post("/webhook/shop", content=body, headers=headers)
    assert ingress.outcomes == [
        ("shop", "accepted", 202),
        ("shop", "duplicate", 200),
        ("shop", "ignored", 200),
        ("shop", "refused", 422),
        ("shop", "refused", 401),
        ("shop", "refused", 413),
        ("shop", "refused", 415),
        ("shop", "accepted", 202),
    ]
    expected = {("shop", "accepted"): 2, ("shop", "duplicate"): 1, ("shop", "ignored"): 1, ("shop", "refused"): 4}
    assert client.app.state.webhooks.outcomes == expected
    assert all(record.reason for record in ingress.records if record.outcome != "accepted")


def test_what_goes_to_no_trigger_is_counted_but_not_recorded(client, ingress):
    for name in ("no", "no/token", "other", "%00"):
        client.post(f"/webhook/{name}", content=IMAGE, headers=TOKEN)
    client.post("/webhook/no", content=b"x" * 1001)
    assert ingress.records == []
    assert client.app.state.webhooks.outcomes == {("", "refused"): 5}


def test_strangers_cannot_fill_the_record_and_the_next_one_says_how_many_there_were(client, ingress, time):
    ingress.add("shop", SECRET, auth="token")
    ingress.add("other", SECRET, auth="token")
    for _ in range(25):
        client.post("/webhook/shop", content=IMAGE)
    assert len(ingress.records) == 10
    client.post("/webhook/other", content=IMAGE)
    client.post("/webhook/shop", content=IMAGE, headers=TOKEN)
    assert [one.reason for one in ingress.records[10:]] == [
        "token missing or wrong",
        "15 before it were not recorded",
    ]
    time.now += 60
    client.post("/webhook/shop", content=IMAGE)
    assert ingress.records[-1].reason == "token missing or wrong"
    assert client.app.state.webhooks.outcomes["shop", "refused"] == 26


def test_who_repeats_a_captured_delivery_cannot_fill_the_record_either(client, ingress):
    ingress.add("shop", SECRET)
    headers = signed_by("generic", SECRET, IMAGE)
    for _ in range(130):
        client.post("/webhook/shop", content=IMAGE, headers=headers)
    assert len(ingress.records) == 101
    assert client.app.state.webhooks.outcomes["shop", "duplicate"] == 129


def test_counts_take_bounded_memory(client, ingress, monkeypatch):
    monkeypatch.setattr(ingress_records, "LARGEST", 3)
    for number in range(5):
        ingress.add(f"shop-{number}", SECRET, auth="token")
        client.post(f"/webhook/shop-{number}", headers=TOKEN)
    assert client.app.state.webhooks.outcomes == {
        **{(f"shop-{number}", "accepted"): 1 for number in range(3)},
        ("", "accepted"): 2,
    }


def test_no_record_holds_a_secret_a_header_or_a_body(client, ingress, caplog):
    ingress.add("shop", PLANTED)
    ingress.add("path", PLANTED, auth="path")
    ingress.add("token", PLANTED, auth="token")
    body = json.dumps({"secret": PLANTED, "ref": "refs/heads/x", "after": "0" * 40, "note": PLANTED}).encode()
    right, wrong = ({"x-github-event": "push"} | signed_by("github", key, body) for key in (PLANTED, f"{PLANTED}!"))
    said = [
        client.post("/webhook/shop", content=body, headers=right),
        client.post("/webhook/shop", content=body, headers=wrong),
        client.post("/webhook/shop", content=PLANTED.encode(), headers=signed_by("generic", PLANTED, PLANTED.encode())),
        client.post("/webhook/token", content=body, headers={"x-api-key": PLANTED, "x-github-event": PLANTED}),
        client.post("/webhook/token", content=body, headers={"x-api-key": f"{PLANTED}!"}),
        client.post(f"/webhook/path/{PLANTED}", content=IMAGE),
        client.post(f"/webhook/path/{PLANTED}!", content=IMAGE),
        client.post("/webhook/token", content=json.dumps({"image": f"a/{PLANTED}/?"}), headers={"x-api-key": PLANTED}),
    ]
    assert [one.status_code for one in said] == [200, 401, 422, 200, 401, 202, 404, 422]
    assert len(ingress.records) == len(said)
    proof = hexadecimal(PLANTED, body)
    for text in (*(json.dumps(one.as_dict()) for one in ingress.records), caplog.text, *(one.text for one in said)):
        assert PLANTED not in text
        assert proof not in text


def test_outcomes_are_found_in_whatever_is_served(ingress, options):
    view = FakeView(workloads=())
    one = create_app(view, ingress, options)
    two = create_ingress_app(ingress, options)
    ingress.add("shop", SECRET, auth="token")
    for app in (one, two):
        with Client(app) as client:
            client.post("/webhook/shop", headers=TOKEN)
    page = create_status_app(view, options)
    assert webhook_outcomes([Site(one, "")]) == {("shop", "accepted"): 1}
    assert webhook_outcomes([Site(page, ""), Site(two, "")]) == {("shop", "accepted"): 1}
    assert webhook_outcomes([Site(page, "")]) == {}


@pytest.mark.parametrize(
    ("address", "sender"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("", ""),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::9", "2001:db8:1:3::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unix:/run/x", "unix:/run/x"),
    ],
)
def test_a_network_that_one_sender_owns_is_one_sender(address, sender):
    assert origin(address) == sender
