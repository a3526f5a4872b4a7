"""One delivery of a webhook as it arrived, and what a vendor makes of it. Values only; no vendor is known here.

Order of an ingress: find the vendor, let it verify the raw bytes, and only then let it parse. A vendor that finds in a
body anything but what it expects raises `Malformed`; it raises nothing else, whatever the bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from agent.core.inbound import InboundEvent

AUTH_WAYS = ("signature", "token", "basic", "path")


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One request. Names of headers are lower case, values as received; of a repeated one the first counts.

    `now` is the time of arrival in epoch seconds, for schemes that sign a time; None where it is not known, as in a
    recorded delivery, and then no time is checked.
    """

    method: str = "POST"
    headers: Mapping[str, bytes]
    body: bytes = b""
    query: str = ""
    now: float | None = None

    def header(self, name: str) -> str:
        """A header as text without surrounding blanks; empty where it is missing. Never for comparing secrets."""
        return self.headers.get(name, b"").decode("latin-1").strip()


class Malformed(Exception):
    """The body is not what this vendor sends. The message says what was expected and found, never a secret."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """What one delivery says: events in their order, or why there are none (`ignored`, for people).

    `delivery_id` is what the sender repeats when it sends the same again, for senders that put it into the body.
    """

    events: tuple[InboundEvent, ...] = ()
    ignored: str = ""
    delivery_id: str | None = None


class Vendor(Protocol):
    """Everything the ingress asks of a vendor. One file in `agent/vendors/` with a `VENDOR`; all of it is pure."""

    @property
    def name(self) -> str:
        """The value of `vendor` in a webhook trigger and in events."""

    @property
    def rank(self) -> int:
        """Order of detection, lowest first: whoever imitates others comes before them."""

    @property
    def signs(self) -> bool:
        """Whether it can sign its deliveries at all."""

    def claims(self, delivery: Delivery) -> bool:
        """Whether its own headers are there; such a vendor's parser is authoritative."""

    def recognises(self, body: object) -> bool:
        """Whether a decoded JSON body has its unmistakable shape: for senders without headers of their own."""

    def verify(self, delivery: Delivery, secrets: Sequence[bytes], way: str) -> bool:
        """Whether the delivery proves knowledge of one of the secrets, by this vendor's rule for `way`; constant time.

        `way` is one of AUTH_WAYS but `path`, which the ingress checks itself.
        """

    def delivery_id(self, delivery: Delivery) -> str | None:
        """What the sender repeats when it sends the same delivery again, from its headers alone; None for none."""

    def parse(self, delivery: Delivery) -> Parsed:
        """What it says; raises Malformed and nothing else."""
