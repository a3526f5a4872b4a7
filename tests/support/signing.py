"""Signs deliveries as their senders do, and gives what they do to prove a secret otherwise."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from urllib.parse import unquote_to_bytes

SIGNERS = frozenset(
    {
        *("forgejo", "gitea", "gogs", "github", "gitlab", "bitbucket", "bitbucket-server"),
        *("nexus", "jfrog", "generic"),
    }
)
"""Vendors whose deliveries carry a proof of their own; the others bring a token or know the path."""

_HEX_HEADERS = {
    "forgejo": "x-forgejo-signature",
    "gitea": "x-gitea-signature",
    "gogs": "x-gogs-signature",
    "jfrog": "x-jfrog-event-auth",
}
_NAMED_HEADERS = {
    "github": "x-hub-signature-256",
    "bitbucket": "x-hub-signature",
    "bitbucket-server": "x-hub-signature",
    "generic": "x-signature",
}


def hexadecimal(secret: str, body: bytes, algorithm: str = "sha256") -> str:
    return hmac.new(secret.encode(), body, algorithm).hexdigest()


def signed_by(vendor_name: str, secret: str, body: bytes, *, form: bool = False) -> dict[str, str]:
    """The headers with which a sender proves that it knows the secret."""
    if vendor_name in _HEX_HEADERS:
        covered = unquote_to_bytes(body.partition(b"payload=")[2].replace(b"+", b" ")) if form else body
        return {_HEX_HEADERS[vendor_name]: hexadecimal(secret, covered)}
    if vendor_name in _NAMED_HEADERS:
        return {_NAMED_HEADERS[vendor_name]: f"sha256={hexadecimal(secret, body)}"}
    if vendor_name == "nexus":
        return {"x-nexus-webhook-signature": hexadecimal(secret, body, "sha1")}
    if vendor_name == "gitlab":
        return {"x-gitlab-token": secret}
    return {"authorization": f"Bearer {secret}"}


def standard_webhook(secret: str, body: bytes, identity: str, moment: float) -> dict[str, str]:
    """The headers of standardwebhooks.com."""
    stamp = str(int(moment))
    covered = b".".join((identity.encode(), stamp.encode(), body))
    proof = b64encode(hmac.digest(secret.encode(), covered, hashlib.sha256)).decode()
    return {"webhook-id": identity, "webhook-timestamp": stamp, "webhook-signature": f"v1,{proof}"}
