"""Proofs that a sender knows one of the secrets: signatures, tokens, passwords. Bytes only, constant time, no decision
from a body.

Several secrets can be valid at once while one is replaced; all of them are compared, and none ends the comparison. An
empty secret proves nothing. Nothing here raises, whatever the headers hold.
"""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Sequence

from agent.core.delivery import Delivery

Signed = Callable[[Delivery, Sequence[bytes]], bool]
"""A vendor's own rule: whether a delivery is signed with one of the secrets."""

TOLERANCE = 300.0
"""Seconds by which the time of a Standard Webhooks signature may be off."""

TOKEN_HEADERS = (
    "x-pierhead-token",
    "x-webhook-token",
    "x-webhook-secret",
    "x-api-key",
    "x-auth-token",
    "x-gitlab-token",
    "x-jfrog-event-auth",
)
"""Headers that may carry a token as it is; besides them `Authorization`, as it is or behind `Bearer`."""

_ALGORITHMS = {b"sha256": "sha256", b"sha512": "sha512"}
_STANDARD_KEY = b"whsec_"


def header(delivery: Delivery, name: str) -> bytes:
    """The bytes of a header without surrounding blanks."""
    return delivery.headers.get(name, b"").strip()


def matches(proof: bytes, expected: Iterable[bytes]) -> bool:
    """Whether a proof is one of those expected."""
    found = False
    for one in expected:
        found |= hmac.compare_digest(proof, one)
    return found


def usable(secrets: Sequence[bytes]) -> list[bytes]:
    """The secrets that can prove anything."""
    return [secret for secret in secrets if secret]


def hex_digests(secrets: Sequence[bytes], signed: bytes, algorithm: str = "sha256") -> list[bytes]:
    """The HMAC under each secret, in hex."""
    return [hmac.digest(secret, signed, algorithm).hex().encode("ascii") for secret in usable(secrets)]


def unsigned(_delivery: Delivery, _secrets: Sequence[bytes]) -> bool:
    """The rule of senders that cannot sign."""
    return False


def whole_body(delivery: Delivery) -> bytes:
    """The bytes as they were received."""
    return delivery.body


def hex_signature(
    name: str, *, prefix: bytes = b"", algorithm: str = "sha256", covers: Callable[[Delivery], bytes] = whole_body
) -> Signed:
    """The rule of a header with the HMAC in hex behind a prefix, over the bytes that `covers` gives."""

    def signed(delivery: Delivery, secrets: Sequence[bytes]) -> bool:
        value = header(delivery, name)
        if not value.startswith(prefix) or value == prefix:
            return False
        return matches(value.removeprefix(prefix).lower(), hex_digests(secrets, covers(delivery), algorithm))

    return signed


def named_signature(name: str) -> Signed:
    """The rule of a header `<algorithm>=<hex>` over the body; SHA-1 and older are refused."""

    def signed(delivery: Delivery, secrets: Sequence[bytes]) -> bool:
        scheme, _, value = header(delivery, name).partition(b"=")
        algorithm = _ALGORITHMS.get(scheme.lower())
        return algorithm is not None and matches(value.lower(), hex_digests(secrets, delivery.body, algorithm))

    return signed


def standard_signature(delivery: Delivery, secrets: Sequence[bytes]) -> bool:
    """The rule of standardwebhooks.com: `webhook-id`, `webhook-timestamp` and one or more `v1,<base64>`."""
    identity, stamp = header(delivery, "webhook-id"), header(delivery, "webhook-timestamp")
    if not identity or not _fresh(stamp, delivery.now):
        return False
    signed = b".".join((identity, stamp, delivery.body))
    keys = [key for secret in usable(secrets) if (key := _standard_key(secret))]
    expected = [b64encode(hmac.digest(key, signed, "sha256")) for key in keys]
    found = False
    for one in header(delivery, "webhook-signature").split():
        version, _, proof = one.partition(b",")
        found |= version == b"v1" and matches(proof, expected)
    return found


def _fresh(stamp: bytes, now: float | None) -> bool:
    if not stamp.isdigit() or len(stamp) > len("9999999999999"):
        return False
    return now is None or abs(now - int(stamp)) <= TOLERANCE


def _standard_key(secret: bytes) -> bytes:
    """The key behind a secret; nothing where it says that it is base64 and is not."""
    return _decoded(secret.removeprefix(_STANDARD_KEY)) if secret.startswith(_STANDARD_KEY) else secret


def _decoded(value: bytes) -> bytes:
    try:
        return b64decode(value, validate=True)
    except ValueError:
        return b""


def has_token(delivery: Delivery, secrets: Sequence[bytes]) -> bool:
    """Whether one of the headers for tokens holds a secret."""
    values = [header(delivery, name) for name in TOKEN_HEADERS]
    authorization = header(delivery, "authorization")
    scheme, _, credentials = authorization.partition(b" ")
    values += [authorization, credentials.strip() if scheme.lower() == b"bearer" else b""]
    found = False
    for value in values:
        found |= matches(value, usable(secrets))
    return found


def has_password(delivery: Delivery, secrets: Sequence[bytes]) -> bool:
    """Whether Basic authentication brings a secret: as `user:password`, or as the password of any user."""
    scheme, _, credentials = header(delivery, "authorization").partition(b" ")
    pair = _decoded(credentials.strip()) if scheme.lower() == b"basic" else b""
    _, colon, password = pair.partition(b":")
    known = usable(secrets)
    return bool(colon) and (matches(pair, known) | matches(password, known))
