"""Moments as the engine and the journal write them, as seconds since 1970."""

from __future__ import annotations

import re
from datetime import datetime

WRITTEN = re.compile(r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:?\d\d)?")


def epoch(text: str) -> float:
    """Seconds since 1970 of a time in RFC 3339, up to nanoseconds, in any zone; 0 when unset, as the year 1 is."""
    match = WRITTEN.fullmatch(text)
    if match is None or text.startswith("0001"):
        return 0.0
    moment = datetime.fromisoformat(match[1] + (match[3] or "Z").replace("Z", "+00:00"))
    return moment.timestamp() + float(match[2] or 0)
