"""Authenticates a webhook delivery with one shared secret; pure, on raw bytes, before anything is parsed.

The sender is chosen first, by its own headers, and only that sender's rule decides: a Gitea delivery carries
valid-looking GitHub headers too. A sender that signs nothing (empty or missing signature) may bring the secret as a
bearer token instead; a signature that is there must verify.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

FORM = b"application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Sender:
    """How one sender is recognised and what it signs. `signature` is the header that carries its proof.

    `prefix` precedes the hex digits. `plain` means that the header is the secret itself. `signs_payload` means that
    of a form only the `payload` field is signed, decoded.
    """

    name: str
    signature: str
    marks: tuple[str, ...]
    prefix: bytes = b""
    plain: bool = False
    signs_payload: bool = False


SENDERS = (
    Sender(
        "forgejo",
        "x-forgejo-signature",
        ("x-forgejo-event", "x-forgejo-delivery", "x-forgejo-signature"),
        signs_payload=True,
    ),
    Sender(
        "gitea", "x-gitea-signature", ("x-gitea-event", "x-gitea-delivery", "x-gitea-signature"), signs_payload=True
    ),
    Sender("gogs", "x-gogs-signature", ("x-gogs-event", "x-gogs-delivery", "x-gogs-signature"), signs_payload=True),
    Sender(
        "github",
        "x-hub-signature-256",
        ("x-github-event", "x-github-delivery", "x-hub-signature-256"),
        prefix=b"sha256=",
    ),
    Sender("gitlab", "x-gitlab-token", ("x-gitlab-event", "x-gitlab-token"), plain=True),
)
"""In the order in which they are looked for: each of the first three imitates those after it."""


def authentic(headers: Mapping[str, bytes], body: bytes, secret: str) -> bool:
    """Whether the delivery proves knowledge of `secret`. Header names are lower case, values as received."""
    key = secret.encode("utf-8", "surrogatepass")
    if not key:
        return False
    sender = _sender(headers)
    proof = _proof(headers, sender) if sender else b""
    if sender is None or not proof:
        return _bearer_matches(headers, key)
    if sender.plain:
        return hmac.compare_digest(proof, key)
    signed = _form_payload(body) if sender.signs_payload and _is_form(headers) else body
    expected = hmac.new(key, signed, hashlib.sha256).hexdigest().encode("ascii")
    return hmac.compare_digest(proof.lower(), expected)


def _sender(headers: Mapping[str, bytes]) -> Sender | None:
    return next((one for one in SENDERS if any(mark in headers for mark in one.marks)), None)


def _proof(headers: Mapping[str, bytes], sender: Sender) -> bytes:
    """What the sender's header holds behind its prefix; empty when it signed nothing."""
    value = headers.get(sender.signature, b"").strip()
    return value.removeprefix(sender.prefix)


def _bearer_matches(headers: Mapping[str, bytes], key: bytes) -> bool:
    scheme, _, token = headers.get("authorization", b"").strip().partition(b" ")
    return scheme.lower() == b"bearer" and hmac.compare_digest(token.strip(), key)


def _is_form(headers: Mapping[str, bytes]) -> bool:
    return headers.get("content-type", b"").partition(b";")[0].strip().lower() == FORM


def _form_payload(body: bytes) -> bytes:
    """The decoded value of the field `payload`; empty when there is none."""
    for pair in body.split(b"&"):
        name, _, value = pair.partition(b"=")
        if name == b"payload":
            return unquote_to_bytes(value.replace(b"+", b" "))
    return b""
