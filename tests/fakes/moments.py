"""The one moment at which everything believable is told."""

from __future__ import annotations

from datetime import UTC, datetime

NOW = 1_795_480_200.0  # 2026-11-24 00:30:00 UTC


def stamp(seconds_ago: float) -> str:
    moment = datetime.fromtimestamp(NOW - seconds_ago, tz=UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
