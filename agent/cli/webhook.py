"""`pierhead webhook parse`: what recorded deliveries would say to the agent. Offline, and no line stops the next.

Nothing is authenticated and nothing is acted on: it is the way to find out what a sender sends.
"""

from __future__ import annotations

import argparse
import binascii
import json
import sys
from base64 import b64decode
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from agent.core.delivery import Delivery, Malformed, Parsed, Vendor
from agent.core.inbound import MANUAL, InboundEvent
from agent.core.values import quoted
from agent.core.webhooks.selection import AUTO, is_manual, reader
from agent.discovery import discover_vendors
from agent.errors import Usage

STANDARD_INPUT = "-"


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands."""
    parser = subparsers.add_parser(
        "webhook",
        help="try what a sender of webhooks sends",
        description="Work with deliveries of webhooks, offline.",
    )
    commands = parser.add_subparsers(title="commands", dest="webhook_command", metavar="COMMAND", required=True)
    parse = commands.add_parser(
        "parse",
        help="print what recorded deliveries say",
        description="Read one delivery a line, {method, headers, body or body_b64, vendor?}, and print for each one "
        "line of JSON: {outcome, vendor, events, error}. Why a delivery is ignored goes to standard error.",
    )
    parse.add_argument("--requests", required=True, metavar="FILE", help="deliveries, one a line; - is standard input")
    parse.add_argument(
        "--vendor", metavar="NAME", help="vendor of the deliveries that name none (default: find it out)"
    )
    parse.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print one result a delivery."""
    vendors = discover_vendors()
    if arguments.vendor not in (None, AUTO, *vendors):
        advice = f"write {AUTO} or one of {', '.join(sorted(vendors))}"
        raise Usage(f"expected a vendor, found {quoted(arguments.vendor)}", advice=advice)
    with _opened(arguments.requests) as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                print(json.dumps(_result(vendors, line, f"line {number}", arguments.vendor or AUTO)))
    return 0


@contextmanager
def _opened(path: str) -> Iterator[BinaryIO]:
    if path == STANDARD_INPUT:
        yield sys.stdin.buffer
        return
    with ExitStack() as stack:
        try:
            file = stack.enter_context(Path(path).open("rb"))
        except OSError as error:
            raise Usage(f"expected a file of deliveries at {path}, found {error.strerror}") from None
        yield file


def _result(vendors: Mapping[str, Vendor], line: bytes, place: str, fallback: str) -> dict[str, Any]:
    """The printed form of what one line says."""
    vendor = None
    try:
        delivery, wanted = _request(line, fallback)
        if is_manual(delivery):
            return _printed("event", None, Parsed((InboundEvent(type=MANUAL),)))
        vendor = _reader(vendors, delivery, wanted)
        parsed = vendor.parse(delivery)
    except Malformed as flaw:
        return _printed("error", vendor, Parsed(), f"{place}: {flaw}")
    if parsed.events:
        return _printed("event", vendor, parsed)
    print(f"{place}: ignored: {parsed.ignored}", file=sys.stderr)
    return _printed("ignored", vendor, parsed)


def _reader(vendors: Mapping[str, Vendor], delivery: Delivery, wanted: str) -> Vendor:
    if wanted not in (AUTO, *vendors):
        raise Malformed(f"vendor: expected {AUTO} or one of {', '.join(sorted(vendors))}, found {quoted(wanted)}")
    return reader(vendors, delivery, wanted)


def _printed(outcome: str, vendor: Vendor | None, parsed: Parsed, error: str | None = None) -> dict[str, Any]:
    events = [event.as_dict() for event in parsed.events]
    return {"outcome": outcome, "vendor": vendor.name if vendor else None, "events": events, "error": error}


def _request(line: bytes, fallback: str) -> tuple[Delivery, str]:
    """The delivery that a line describes, and the vendor that is to read it; raises Malformed."""
    try:
        record = json.loads(line.decode("utf-8"))
        body = _body(record) if isinstance(record, dict) else b""
    except (ValueError, RecursionError):
        raise Malformed("expected a delivery as one JSON object, found something else or too much of it") from None
    if not isinstance(record, dict):
        raise Malformed("expected a JSON object with method, headers and body, found another value")
    wanted = record.get("vendor")
    delivery = Delivery(
        method=_line_of_text(record, "method", "POST"),
        headers=_headers(record.get("headers")),
        body=body,
        query=_line_of_text(record, "query", ""),
    )
    return delivery, fallback if wanted is None else str(wanted)


def _line_of_text(record: dict[str, Any], name: str, default: str) -> str:
    value = record.get(name)
    return default if value is None else str(value)


def _headers(value: object) -> dict[str, bytes]:
    """Headers by lower-case name; of a repeated one the first counts."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Malformed("headers: expected an object of texts, found another value")
    found: dict[str, bytes] = {}
    for name, content in value.items():
        first = content[0] if isinstance(content, list) and content else content
        found.setdefault(name.lower(), str(first).encode("utf-8", "surrogatepass"))
    return found


def _body(record: dict[str, Any]) -> bytes:
    """The bytes of the body: decoded, as they stand, or an object written compactly."""
    encoded, body = record.get("body_b64"), record.get("body")
    if encoded is not None:
        try:
            return b64decode(encoded if isinstance(encoded, str) else "?", validate=True)
        except (binascii.Error, ValueError):
            raise Malformed("body_b64: expected base64, found something else") from None
    if body is None:
        return b""
    text = body if isinstance(body, str) else json.dumps(body, separators=(",", ":"))
    return text.encode("utf-8", "surrogatepass")
