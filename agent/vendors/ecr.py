"""Amazon ECR, as EventBridge passes its events on. Authenticates by whatever the connection was given.

The host of the registry follows from account and region. A tag may be empty: parts of an image are pushed without.
"""

from __future__ import annotations

from agent.core.delivery import Delivery, Parsed
from agent.core.inbound import InboundEvent
from agent.core.webhooks.images import digest_of, image_name, pushed, tag_of
from agent.core.webhooks.reading import at, read_object, required, text
from agent.core.webhooks.sender import Sender, one

SOURCE = "aws.ecr"

_PUSH = {"action-type": "PUSH", "result": "SUCCESS"}
_CHART = "application/vnd.cncf.helm."


def _knows(body: object) -> bool:
    return at(body, "source") == SOURCE


def _read(delivery: Delivery) -> Parsed:
    body = read_object(delivery)
    parsed = one(_event(body))
    return Parsed(parsed.events, parsed.ignored, text(body.get("id")))


def _event(body: dict[str, object]) -> InboundEvent | str:
    if required(body, "detail-type") != "ECR Image Action":
        return "the event is no action on an image"
    detail = body.get("detail")
    if any(at(detail, name) != value for name, value in _PUSH.items()):
        return "no image was pushed"
    if (text(at(detail, "artifact-media-type")) or "").startswith(_CHART):
        return "a chart was pushed, not an image"
    region = required(body, "region")
    domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    host = f"{required(body, 'account')}.dkr.ecr.{region}.{domain}"
    name = image_name(host, required(detail, "repository-name"))
    return pushed(name, tag_of(at(detail, "image-tag")), digest_of(at(detail, "image-digest")))


VENDOR = Sender(name="ecr", rank=240, knows_body=_knows, read=_read)
