"""A vendor put together from its parts: by what it is recognised, how it signs, how it is read.

Tokens and passwords are checked alike for all, a signature only by the vendor's own rule. Reading leaves the name of
the vendor to this place, and a delivery of several things is understood as far as it can be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from agent.core.delivery import Delivery, Malformed, Parsed
from agent.core.inbound import InboundEvent
from agent.core.webhooks.proofs import Signed, has_password, has_token, unsigned
from agent.core.webhooks.reading import text


def _never(_: object) -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Implements `Vendor`. `marks` are its own headers, `knows_headers` a test where a header's name is not enough.

    `knows_body` is for senders without headers of their own, `ids` names the headers that tell a repeated delivery.
    """

    name: str
    rank: int
    read: Callable[[Delivery], Parsed]
    marks: tuple[str, ...] = ()
    knows_headers: Callable[[Delivery], bool] = _never
    knows_body: Callable[[object], bool] = _never
    signed: Signed = unsigned
    ids: tuple[str, ...] = ()

    @property
    def signs(self) -> bool:
        """Whether it has a rule for signatures."""
        return self.signed is not unsigned

    def claims(self, delivery: Delivery) -> bool:
        """Whether its own headers are there, be they empty."""
        return not delivery.headers.keys().isdisjoint(self.marks) or self.knows_headers(delivery)

    def recognises(self, body: object) -> bool:
        """Whether a body has its shape."""
        return self.knows_body(body)

    def verify(self, delivery: Delivery, secrets: Sequence[bytes], way: str) -> bool:
        """Whether the delivery proves a secret by this way; False for a way that is not known here."""
        match way:
            case "signature":
                return self.signed(delivery, secrets)
            case "token":
                return has_token(delivery, secrets)
            case "basic":
                return has_password(delivery, secrets)
            case _:
                return False

    def delivery_id(self, delivery: Delivery) -> str | None:
        """The first of its id headers that says something usable."""
        for name in self.ids:
            if found := text(delivery.header(name)):
                return found
        return None

    def parse(self, delivery: Delivery) -> Parsed:
        """What it says, each event with the name of this vendor."""
        parsed = self.read(delivery)
        events = tuple([replace(event, vendor=self.name) for event in parsed.events])
        return Parsed(events, parsed.ignored, parsed.delivery_id)


def one(outcome: InboundEvent | str) -> Parsed:
    """What a delivery with one thing says: an event, or the reason why there is none."""
    return Parsed(ignored=outcome) if isinstance(outcome, str) else Parsed((outcome,))


def each(things: Iterable[object], read: Callable[[object], InboundEvent | str]) -> Parsed:
    """What a delivery with several things says.

    One that cannot be read hides no other: a sender would repeat the whole delivery for it. It raises only where
    nothing could be read.
    """
    events: list[InboundEvent] = []
    reasons: list[str] = []
    flaws: list[Malformed] = []
    for thing in things:
        try:
            outcome = read(thing)
        except Malformed as flaw:
            flaws.append(flaw)
            continue
        if isinstance(outcome, str):
            reasons.append(outcome)
        else:
            events.append(outcome)
    if flaws and not events and not reasons:
        raise flaws[0]
    reason = "; ".join(dict.fromkeys(reasons)) if reasons else "nothing in it"
    return Parsed(tuple(dict.fromkeys(events))) if events else Parsed(ignored=reason[:500])
