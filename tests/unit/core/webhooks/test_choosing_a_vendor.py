"""Who authenticates a delivery, and who reads it."""

from __future__ import annotations

import pytest
from support.deliveries import vendors

from agent.core.delivery import Delivery, Malformed, Parsed
from agent.core.inbound import InboundEvent
from agent.core.webhooks.selection import AUTO, choose, is_manual, ranked, reader
from agent.core.webhooks.sender import Sender, each, one

EVENT = InboundEvent(type="ping")


def sent(*headers, body=b"{}"):
    return Delivery(headers=dict.fromkeys(headers, b"push"), body=body)


@pytest.mark.parametrize(
    ("headers", "vendor_name"),
    [
        (("x-github-event",), "github"),
        (("x-github-event", "x-gogs-event"), "gogs"),
        (("x-github-event", "x-gogs-event", "x-gitea-event"), "gitea"),
        (("x-github-event", "x-gogs-event", "x-gitea-event", "x-forgejo-event"), "forgejo"),
        (("x-gitlab-event",), "gitlab"),
        (("x-event-key", "x-hook-uuid"), "bitbucket"),
        (("x-nexus-webhook-id",), "nexus"),
        (("x-jfrog-event-auth",), "jfrog"),
        (("x-hub-signature-256",), "generic"),
        ((), "generic"),
    ],
)
def test_who_imitates_others_is_asked_before_them(headers, vendor_name):
    assert choose(vendors(), sent(*headers)).name == vendor_name
    assert reader(vendors(), sent(*headers)).name == vendor_name


@pytest.mark.parametrize(
    ("headers", "vendor_name"),
    [
        ({"x-event-key": b"repo:refs_changed"}, "bitbucket-server"),
        ({"x-event-key": b"pr:opened", "x-request-id": b"1"}, "bitbucket-server"),
        ({"x-event-key": b"repo:push"}, "bitbucket"),
        ({"x-event-key": b"pullrequest:created"}, "bitbucket"),
        ({"x-event-key": b"project:updated", "x-request-uuid": b"1"}, "bitbucket"),
    ],
)
def test_the_two_bitbuckets_are_told_apart(headers, vendor_name):
    assert choose(vendors(), Delivery(headers=headers)).name == vendor_name


def test_a_body_is_not_looked_into_before_it_is_authenticated():
    delivery = sent(body=b'{"source": "aws.ecr"}')
    assert choose(vendors(), delivery, AUTO).name == "generic"
    assert reader(vendors(), delivery, AUTO).name == "ecr"


def test_a_trigger_that_names_a_vendor_gets_that_vendor():
    delivery = sent("x-forgejo-event", body=b'{"source": "aws.ecr"}')
    assert choose(vendors(), delivery, "quay").name == "quay"
    assert reader(vendors(), delivery, "quay").name == "quay"
    assert reader(vendors(), delivery, "generic").name == "generic"


@pytest.mark.parametrize("body", [b"hello", b"[[[", b'{"hello": 1}', b"null"])
def test_a_body_that_nobody_knows_is_for_the_generic_vendor(body):
    assert reader(vendors(), sent(body=body)).name == "generic"


@pytest.mark.parametrize(
    ("delivery", "manual"),
    [
        (Delivery(headers={"x-github-event": b"push"}), True),
        (Delivery(headers={}, body=b" \n"), True),
        (Delivery(method="GET", headers={}, query="a=1"), True),
        (Delivery(method="GET", headers={}, query="payload=%7B%7D"), False),
        (Delivery(headers={}, body=b"{}"), False),
    ],
)
def test_an_empty_delivery_is_somebody_firing_by_hand(delivery, manual):
    assert is_manual(delivery) is manual


def test_a_vendor_of_ones_own_takes_its_place_in_the_order():
    mine = Sender(name="mine", rank=5, marks=("x-mine",), read=lambda _: one(EVENT))
    known = {**vendors(), "mine": mine}
    assert next(iter(ranked(known).values())) is mine
    delivery = sent("x-mine", "x-forgejo-event")
    assert choose(known, delivery) is mine
    assert mine.parse(delivery).events == (InboundEvent(type="ping", vendor="mine"),)
    assert not mine.recognises({})
    assert not mine.verify(delivery, (b"s",), "signature")


def outcome(thing):
    if thing == "bad":
        raise Malformed("bad thing")
    return thing


def test_of_several_things_the_bad_ones_hide_no_good_one():
    assert each(["bad", EVENT, "why", EVENT], outcome) == Parsed((EVENT,))
    assert each(["why", "bad", "why", "other"], outcome).ignored == "why; other"
    assert each([], outcome).ignored == "nothing in it"
    with pytest.raises(Malformed, match="bad thing"):
        each(["bad", "bad"], outcome)


def test_the_reason_for_ignoring_much_is_cut():
    assert len(each([f"reason {number}" for number in range(1000)], outcome).ignored) == 500
