"""The engine's event stream, which never ends by itself: it reconnects with backoff, and says after each connection
that events may have been missed, because the engine replays no more than about 256 of them.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from agent.engine.connection import Connection
from agent.engine.labels import HOST, ID
from agent.engine.streams import pause, streaming
from agent.errors import PierheadError
from agent.ports import EngineEvent

ACTIONS = [
    "create", "start", "stop", "die", "oom", "destroy", "rename", "update", "pause", "unpause", "health_status",
    "connect", "disconnect",
]  # fmt: skip
FIRST_DELAY = 0.25
LONGEST_DELAY = 5.0


@dataclass(frozen=True, slots=True)
class EventSource:
    """Whose events are wanted. `workload_of` knows containers by id: network events carry no labels."""

    connection: Connection
    host: str
    workload_of: Callable[[str], str | None]


def engine_events(source: EventSource, stop: Callable[[], bool]) -> Iterator[EngineEvent]:
    """Events about containers of one host until `stop()`, which is honoured within half a second."""
    delay = FIRST_DELAY
    while not stop():
        with contextlib.suppress(PierheadError):  # list calls report that the engine is away; here it is waited for
            for event in _one_stream(source, stop):
                delay = FIRST_DELAY
                yield event
        pause(delay, stop)
        delay = min(LONGEST_DELAY, delay * 2)


def _one_stream(source: EventSource, stop: Callable[[], bool]) -> Iterator[EngineEvent]:
    """Filtered by label here, not by the engine: its label filter would drop network events."""
    params = {"filters": json.dumps({"type": ["container", "network"], "event": ACTIONS})}
    with (
        source.connection.calling("watch events") as client,
        streaming(client, "/events", params, stop) as pieces,
    ):
        yield EngineEvent(lost=True)
        for raw in _documents(pieces):
            event = _event(raw, source)
            if event is not None:
                yield event


def _documents(pieces: Iterator[bytes]) -> Iterator[dict[str, Any]]:
    """JSON documents, each ended by a line feed wherever the pieces end."""
    pending = b""
    for piece in pieces:
        *whole, pending = (pending + piece).split(b"\n")
        for line in whole:
            with contextlib.suppress(ValueError):
                yield json.loads(line)


def _event(raw: dict[str, Any], source: EventSource) -> EngineEvent | None:
    """None for what is not about a container of ours. `health_status: healthy` becomes `health_status`."""
    actor = raw.get("Actor") or {}
    attributes = actor.get("Attributes") or {}
    container_id = str(attributes.get("container") if raw.get("Type") == "network" else actor.get("ID"))
    workload_id = attributes.get(ID) if attributes.get(HOST) == source.host else source.workload_of(container_id)
    if workload_id is None:
        return None
    action = str(raw.get("Action", "")).partition(":")[0]
    return EngineEvent(
        action=action, container_id=container_id, workload_id=str(workload_id), time=raw.get("timeNano", 0) / 1e9
    )
