"""The event log: the agent observing itself. Nothing that consumes it writes to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from agent.core.reasons import Reason

LEVELS = ("debug", "info", "warning", "error")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing decided or done. `time` is RFC 3339 in UTC with milliseconds; `id` sorts by time; `data` only grows."""

    id: str
    time: str
    host: str
    severity: str
    source: str
    reason: Reason
    message: str
    workload: str | None = None
    revision: str | None = None
    data: Mapping[str, object] = field(default_factory=dict)

    def as_dict(self) -> dict[str, object]:
        """The JSON form of `event.schema.json`; fields that are unknown are left out."""
        record: dict[str, object] = {
            "id": self.id,
            "time": self.time,
            "host": self.host,
            "severity": self.severity,
            "source": self.source,
            "reason": str(self.reason),
            "message": self.message,
        }
        optional = {"workload": self.workload, "revision": self.revision, "data": dict(self.data) or None}
        return record | {key: value for key, value in optional.items() if value is not None}
