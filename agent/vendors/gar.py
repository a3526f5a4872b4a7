"""Google Artifact Registry and Container Registry, pushed by Pub/Sub, wrapped in its envelope or not.

Google's own proof is a token that only its keys can verify; here a token or a path of the agent's own does.
"""

from __future__ import annotations

from base64 import b64decode

from agent.core.delivery import Delivery, Malformed, Parsed
from agent.core.inbound import InboundEvent
from agent.core.webhooks.images import hosted_name, pushed, take_apart
from agent.core.webhooks.reading import as_object, at, kind_of, read_json, read_object, text, word
from agent.core.webhooks.sender import Sender, one

_ACTIONS = frozenset({"INSERT", "DELETE"})


def _knows(body: object) -> bool:
    return isinstance(at(body, "message", "data"), str) or _is_notice(body)


def _is_notice(body: object) -> bool:
    named = isinstance(at(body, "digest"), str) or isinstance(at(body, "tag"), str)
    return named and text(at(body, "action")) in _ACTIONS


def _read(delivery: Delivery) -> Parsed:
    body = read_object(delivery)
    if "message" not in body:
        return one(_event(body))
    message = as_object(body["message"], "message")
    parsed = one(_event(_unwrapped(message.get("data"))))
    return Parsed(parsed.events, parsed.ignored, word(message.get("messageId")) or word(message.get("message_id")))


def _unwrapped(data: object) -> dict[str, object]:
    if not isinstance(data, str):
        raise Malformed(f"message.data: expected base64, found {kind_of(data)}")
    try:
        raw = b64decode(data, validate=True)
    except ValueError:
        raise Malformed("message.data: expected base64, found something else") from None
    return as_object(read_json(raw), "message.data")


def _event(notice: dict[str, object]) -> InboundEvent | str:
    """Both fields hold whole references: what was pushed by its digest, and by its tag where it has one."""
    if notice.get("action") != "INSERT":
        return "no image was pushed"
    digest, tag = text(notice.get("digest")), text(notice.get("tag"))
    if digest is None and tag is None:
        raise Malformed("message.data: expected the reference of an image at digest or tag, found neither")
    by_digest, by_tag = take_apart(digest or ""), take_apart(tag or "")
    return pushed(hosted_name(by_digest.name or by_tag.name), by_tag.tag or by_digest.tag, by_digest.digest)


VENDOR = Sender(name="gar", rank=250, knows_body=_knows, read=_read)
