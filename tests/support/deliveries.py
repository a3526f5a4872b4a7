"""Deliveries as senders send them, composed for the tests: `tests/unit/vendors/deliveries/<vendor>.json`.

A case names what it shows, has headers and a body, and says what comes of it: `events` with the fields that are known,
`ignored` or `error` with a part of the reason. `form` sends the body as the field `payload` of a form, `named` says
that only a trigger which names the vendor gets it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from agent.core.delivery import Delivery, Vendor
from agent.core.inbound import InboundEvent
from agent.discovery import discover_vendors

FOLDER = Path(__file__).parents[1] / "unit" / "vendors" / "deliveries"

Case = dict[str, Any]


@cache
def vendors() -> dict[str, Vendor]:
    return discover_vendors()


def cases() -> Iterator[tuple[str, Case]]:
    for path in sorted(FOLDER.glob("*.json")):
        for case in json.loads(path.read_text(encoding="utf-8")):
            yield path.stem, case


def body_of(case: Case) -> bytes:
    body = case["body"]
    text = body if isinstance(body, str) else json.dumps(body)
    return urlencode({"payload": text}).encode() if case.get("form") else text.encode()


def delivery_of(case: Case, body: bytes | None = None) -> Delivery:
    headers = {name.lower(): value.encode() for name, value in case["headers"].items()}
    return Delivery(headers=headers, body=body_of(case) if body is None else body)


def expected_events(vendor_name: str, case: Case) -> tuple[InboundEvent, ...]:
    return tuple(
        InboundEvent(
            **{
                **event,
                "vendor": vendor_name,
                "changed_paths": tuple(event["changed_paths"]) if event.get("changed_paths") else None,
            }
        )
        for event in case.get("events") or ()
    )
