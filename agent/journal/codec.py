"""Records as the journal keeps them: JSON that older and newer versions can read.

Events are stored as `event.schema.json` says. All else is pure ASCII, as its texts come from outside and SQLite
refuses half a surrogate pair.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeVar

from agent.core.eventlog import Event
from agent.core.inbound import as_record, from_record
from agent.core.inbox import Received
from agent.core.reasons import Reason

Value = TypeVar("Value")

_PACKED = json.JSONEncoder(separators=(",", ":"))
_KNOWN = frozenset(str(reason) for reason in Reason)


def dump(event: Event) -> str:
    return json.dumps(event.as_dict(), ensure_ascii=False, separators=(",", ":"), default=str)


def load(text: str) -> Event:
    """The event of a stored line. A reason that only another version knows is kept in the words of the message."""
    record = json.loads(text)
    reason, message = record["reason"], record["message"]
    if reason not in _KNOWN:
        reason, message = Reason.INTERNAL_ERROR, f"[{reason}] {message}"
    return Event(
        id=record["id"],
        time=record["time"],
        host=record["host"],
        severity=record["severity"],
        source=record["source"],
        reason=Reason(reason),
        message=message,
        workload=record.get("workload"),
        revision=record.get("revision"),
        data=record.get("data", {}),
    )


def plain(text: str) -> str:
    """A text for a column of its own: as it is, but for what no database takes."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def pack(record: Mapping[str, object]) -> str:
    """A record as one line of ASCII."""
    return _PACKED.encode(record)


def unpack(kind: type[Value], text: str) -> Value:
    """The value of a packed dataclass: fields that are unknown here are left out, lists become tuples."""
    names = kind.__dataclass_fields__  # type: ignore[attr-defined]
    record: dict[str, Any] = json.loads(text)
    fields = {name: tuple(one) if isinstance(one, list) else one for name, one in record.items() if name in names}
    return kind(**fields)


def pack_received(received: Received) -> str:
    """What the inbox has no column for."""
    return pack(
        {
            "trigger": received.trigger,
            "time": received.time,
            "workload": received.workload,
            "delivery": received.delivery,
            "event": as_record(received.event),
        }
    )


def unpack_received(event_id: str, attempts: int, text: str) -> Received:
    record = json.loads(text)
    return Received(
        id=event_id,
        trigger=record["trigger"],
        time=record["time"],
        event=from_record(record["event"]),
        workload=record.get("workload"),
        delivery=record.get("delivery"),
        attempts=attempts,
    )
