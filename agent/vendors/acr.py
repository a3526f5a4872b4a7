"""Azure Container Registry: its own webhooks, and Event Grid in both of its schemas, also in batches.

It signs nothing and has no headers of its own. That an address is to be confirmed for Event Grid is told, not done.
"""

from __future__ import annotations

from agent.core.delivery import Delivery, Malformed, Parsed
from agent.core.inbound import InboundEvent
from agent.core.values import quoted
from agent.core.webhooks.git import Place, ping
from agent.core.webhooks.reading import as_object, at, payload, read_json, text, word
from agent.core.webhooks.sender import Sender, each
from agent.core.webhooks.targets import is_target, read_target

_GRID_PREFIX = "Microsoft.ContainerRegistry."
_IMAGE_PUSHED = "Microsoft.ContainerRegistry.ImagePushed"
_VALIDATION = "Microsoft.EventGrid.SubscriptionValidationEvent"
_REGISTRIES = "/registries/"


def _knows(body: object) -> bool:
    first = body[0] if isinstance(body, list) and body else body
    grid = _grid_type(first)
    return grid.startswith(_GRID_PREFIX) or grid == _VALIDATION or is_target(first) or _is_ping(first)


def _grid_type(event: object) -> str:
    """The type in the schema of Event Grid or of CloudEvents; empty for a webhook of the registry's own."""
    return text(at(event, "eventType")) or text(at(event, "type")) or ""


def _is_ping(event: object) -> bool:
    return at(event, "action") == "ping" and isinstance(at(event, "timestamp"), str)


def _read(delivery: Delivery) -> Parsed:
    body = read_json(payload(delivery))
    events = body if isinstance(body, list) else [body]
    parsed = each(events, _event)
    ids = [word(at(event, "id")) for event in events]
    return Parsed(parsed.events, parsed.ignored, ids[0] if len(ids) == 1 else None)


def _event(event: object) -> InboundEvent | str:
    outer = as_object(event)
    grid = _grid_type(outer)
    if grid == _VALIDATION:
        return "Event Grid wants the address confirmed: open the validationUrl that it sent"
    if grid and grid != _IMAGE_PUSHED:
        return f"the event {quoted(grid)} pushes no image"
    if _is_ping(outer):
        return ping(Place(None, None))
    if not grid and not is_target(outer):
        raise Malformed("body: expected an action on a target, or an event of Event Grid, found neither")
    return read_target(outer.get("data") if grid else outer, _registry(outer))


def _registry(event: dict[str, object]) -> str:
    """The host of the registry that an event of Event Grid is about."""
    origin = text(event.get("topic")) or text(event.get("source")) or ""
    _, found, name = origin.rpartition(_REGISTRIES)
    return f"{name.strip('/')}.azurecr.io" if found else ""


VENDOR = Sender(name="acr", rank=230, knows_body=_knows, read=_read)
