"""Deliveries recorded elsewhere, where they lie beside the checkout: each comes to what its file expects."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from support.deliveries import vendors

from agent.core.delivery import Delivery
from agent.core.webhooks.selection import reader

FOLDER = Path(__file__).parents[4] / "shared" / "webhooks" / "samples"
SAMPLES = sorted(FOLDER.glob("*.json"))


def delivery_of(sample):
    body = sample.get("body")
    raw = base64.b64decode(sample["body_b64"]) if "body_b64" in sample else body
    raw = raw.encode() if isinstance(raw, str) else raw if isinstance(raw, bytes) else json.dumps(body).encode()
    headers = {name.lower(): value.encode() for name, value in sample["headers"].items()}
    return Delivery(method=sample["method"], headers=headers, body=raw)


def outcome_of(parsed):
    return "event" if parsed.events else "ignored"


@pytest.mark.skipif(not SAMPLES, reason="no recorded deliveries beside the checkout")
@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_recorded_delivery_says_what_is_expected(path):
    sample = json.loads(path.read_text(encoding="utf-8"))
    delivery = delivery_of(sample)
    vendor = reader(vendors(), delivery)
    parsed = vendor.parse(delivery)
    assert vendor.name == sample["vendor"]
    assert outcome_of(parsed) == sample["expect"]["outcome"]
    wanted = [one for one in sample.get("expect_all", [sample["expect"]]) if one["outcome"] == "event"]
    assert [{**event.as_dict(), "outcome": "event"} for event in parsed.events] == wanted
