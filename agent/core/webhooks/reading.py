"""Bodies from strangers: limits while decoding, and fields that may be missing or of any type.

Decoding accepts what the JSON standard does and no more. Afterwards nobody trusts a type: `at` walks down as far as
there is something, `text` gives a printable line or None, and only what cannot be missing is asked for by `required`.
"""

from __future__ import annotations

import json
import re
from typing import NoReturn
from urllib.parse import parse_qsl, unquote_to_bytes

from agent.core.delivery import Delivery, Malformed

DEPTH = 64
TEXT_LENGTH = 1024
FORM = "application/x-www-form-urlencoded"

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]")
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_BOM = "\ufeff"
_CONTAINERS = frozenset({dict, list})


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)


_DECODER = json.JSONDecoder(parse_constant=_no_number)


def read_json(raw: bytes) -> object:
    """Decode one JSON text; raises Malformed where it is none, is nested too deep or has no text in UTF-8."""
    try:
        text = raw.decode("utf-8").removeprefix(_BOM)
        value: object = _DECODER.decode(text)
        if _SURROGATE_ESCAPE.search(text):
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        # Of the error only the kind is told: its text can quote the body, and bodies hold secrets.
        raise Malformed(f"body: expected JSON, found {_reason(error)}") from None
    if text.count("[") + text.count("{") > DEPTH:
        _check_depth(value)
    return value


def _reason(error: ValueError | RecursionError) -> str:
    match error:
        case json.JSONDecodeError():
            return f"something else at line {error.lineno}, column {error.colno}"
        case UnicodeError():
            return "text that is not UTF-8"
        case RecursionError():
            return "too many levels"
        case _:
            return "a number that is none or too long"


def _check_depth(value: object) -> None:
    """Level by level. A decoder gives no type of its own, so that what a thing is can be told fast."""
    level = [value]
    for _ in range(DEPTH):
        level = [
            child
            for node in level
            for child in (node.values() if isinstance(node, dict) else items(node))
            if type(child) in _CONTAINERS
        ]
        if not level:
            return
    raise Malformed(f"body: expected at most {DEPTH} levels, found more")


def is_form(delivery: Delivery) -> bool:
    """Whether the body is a form."""
    return delivery.header("content-type").partition(";")[0].strip().lower() == FORM


def payload(delivery: Delivery) -> bytes:
    """The JSON text of a delivery: of a form or a GET its field `payload`, else the body. Raises nothing."""
    if is_form(delivery):
        field = _payload_field(delivery.body)
        return delivery.body if field is None and delivery.body.lstrip()[:1] in (b"{", b"[") else field or b""
    if delivery.method.upper() == "GET" and not delivery.body:
        return _payload_field(delivery.query.encode("utf-8", "replace")) or b""
    return delivery.body


def _payload_field(pairs: bytes) -> bytes | None:
    for pair in pairs.split(b"&"):
        name, _, value = pair.partition(b"=")
        if name == b"payload":
            return unquote_to_bytes(value.replace(b"+", b" "))
    return None


def form_fields(delivery: Delivery) -> dict[str, str]:
    """The fields of a form by name."""
    return dict(parse_qsl(delivery.body.decode("utf-8", "replace")))


def read_object(delivery: Delivery) -> dict[str, object]:
    """The decoded payload of a sender that always sends an object."""
    return as_object(read_json(payload(delivery)))


def as_object(value: object, name: str = "body") -> dict[str, object]:
    """A value that must be an object."""
    if not isinstance(value, dict):
        raise Malformed(f"{name}: expected an object, found {kind_of(value)}")
    return value


def at(value: object, *path: str) -> object:
    """What lies at a path of keys; None where anything on the way is missing."""
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def text(value: object) -> str | None:
    """One line of text without surrounding blanks; None for anything else."""
    if not isinstance(value, str) or len(value) > TEXT_LENGTH:
        return None
    stripped = value.strip()
    if stripped.isprintable():  # nearly always, and told faster
        return stripped or None
    return None if _CONTROL.search(stripped) else stripped


def word(value: object) -> str | None:
    """A text or a number as text, for ids."""
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else text(value)


def required(value: object, *path: str) -> str:
    """The line of text at a path."""
    found = at(value, *path)
    line = text(found)
    if line is None:
        raise Malformed(f"body: expected a line of text at {'.'.join(path)}, found {kind_of(found)}")
    return line


def items(value: object) -> list[object]:
    """A list, or nothing where there is none."""
    return value if isinstance(value, list) else []


def required_items(value: object, *path: str) -> list[object]:
    """The list at a path."""
    found = at(value, *path)
    if not isinstance(found, list):
        raise Malformed(f"body: expected a list at {'.'.join(path)}, found {kind_of(found)}")
    return found


def kind_of(value: object) -> str:
    """What a value is, without showing it."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "a truth value"
        case int() | float():
            return "a number"
        case str():
            return "a text" if text(value) else "an unusable text"
        case list():
            return "a list"
        case _:
            return "an object"
