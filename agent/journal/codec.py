"""Events as the journal keeps them: the JSON of `event.schema.json`, readable by older and newer versions."""

from __future__ import annotations

import json

from agent.core.eventlog import Event
from agent.core.reasons import Reason

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
