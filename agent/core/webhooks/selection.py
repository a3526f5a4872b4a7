"""Which vendor a delivery is from. Before it is authenticated only headers are asked, afterwards also the body.

A trigger that names a vendor gets that vendor's rules and no other's: the vendor refuses what has none of its headers
or shape. With `auto` the vendor of the lowest rank that finds its own headers decides, since those who imitate others
come first; without such headers it is the generic rule that authenticates, and the shape of the body that tells who is
to read it.
"""

from __future__ import annotations

from collections.abc import Mapping

from agent.core.delivery import Delivery, Malformed, Vendor
from agent.core.webhooks.reading import payload, read_json

AUTO = "auto"
GENERIC = "generic"


class Ranked(dict[str, Vendor]):
    """Vendors by name, lowest rank first."""

    def __init__(self, vendors: Mapping[str, Vendor]) -> None:
        super().__init__(sorted(vendors.items(), key=lambda item: (item[1].rank, item[1].name)))


def is_manual(delivery: Delivery) -> bool:
    """Whether the delivery says nothing at all: then somebody fires by hand, and no vendor is asked."""
    return not delivery.body.strip() and not payload(delivery).strip()


def choose(vendors: Mapping[str, Vendor], delivery: Delivery, wanted: str = AUTO) -> Vendor:
    """The vendor whose rule authenticates, from headers alone; raises KeyError for a name that there is not."""
    if wanted != AUTO:
        return vendors[wanted]
    for vendor in ranked(vendors).values():
        if vendor.claims(delivery):
            return vendor
    return vendors[GENERIC]


def reader(vendors: Mapping[str, Vendor], delivery: Delivery, wanted: str = AUTO) -> Vendor:
    """The vendor that reads a delivery which has been authenticated; it looks into the body."""
    chosen = choose(vendors, delivery, wanted)
    if wanted != AUTO or chosen is not vendors[GENERIC]:
        return chosen
    try:
        body = read_json(payload(delivery))
    except Malformed:
        return chosen
    return next((vendor for vendor in ranked(vendors).values() if vendor.recognises(body)), chosen)


def ranked(vendors: Mapping[str, Vendor]) -> Ranked:
    """Vendors in the order in which they are asked. Whoever asks often does this once and keeps the result."""
    return vendors if isinstance(vendors, Ranked) else Ranked(vendors)
