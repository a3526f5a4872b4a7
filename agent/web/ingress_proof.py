"""Whether a delivery proves to come from somebody who knows the secret: on raw bytes, before anything is parsed; pure.

The vendor is chosen first, by its own headers, and only its rule decides: a Gitea delivery carries valid-looking GitHub
headers too. Where there is no such trigger the same work is done as for a wrong token, so that time tells nothing.
"""

from __future__ import annotations

import enum
import hmac
import secrets
from collections.abc import Mapping

from agent.core.delivery import Delivery, Vendor
from agent.core.webhooks.proofs import matches, usable
from agent.core.webhooks.selection import AUTO, GENERIC, choose, is_manual
from agent.ports_web import WebhookTrigger

_PATH = "path"
_UNSIGNED = (b"", b"sha1=", b"sha256=")
_NOBODY = WebhookTrigger(name="", vendor=AUTO, auth=_PATH, secrets=(secrets.token_bytes(32),))
"""Stands for triggers that there are not: nobody knows its secret."""


class Standing(enum.Enum):
    """What a sender may know: everything, that its proof is wrong, or not even that there is something."""

    PROVEN = enum.auto()
    UNPROVEN = enum.auto()
    ABSENT = enum.auto()


def standing(judge: Vendor, trigger: WebhookTrigger | None, token: bytes | None, delivery: Delivery) -> Standing:
    """How a sender stands before a trigger. `token` is the last part of the address."""
    asked = trigger or _NOBODY
    if asked.auth == _PATH or token is not None:
        if asked.auth == _PATH and matches(token or b"", usable(asked.secrets)):
            return Standing.PROVEN
        hmac.digest(_NOBODY.secrets[0], delivery.body, "sha256")
        return Standing.ABSENT
    return Standing.PROVEN if judge.verify(delivery, asked.secrets, asked.auth) else Standing.UNPROVEN


def judge_of(vendors: Mapping[str, Vendor], trigger: WebhookTrigger | None, delivery: Delivery) -> Vendor:
    """Whose rule authenticates: what says nothing at all is signed by the generic one."""
    return vendors[GENERIC] if is_manual(delivery) else choose(vendors, delivery, (trigger or _NOBODY).vendor)


def knows_secret(vendors: Mapping[str, Vendor], secret: bytes, delivery: Delivery) -> bool:
    """Whether any sender signed with a secret or, where it signed nothing, brings it as a token."""
    judge = choose(vendors, delivery)
    if judge.verify(delivery, (secret,), "signature"):
        return True
    return not _is_signed(delivery) and judge.verify(delivery, (secret,), "token")


def _is_signed(delivery: Delivery) -> bool:
    """Whether there is a signature: some senders send the header without one."""
    return any("signature" in name and value.strip() not in _UNSIGNED for name, value in delivery.headers.items())
