"""What the web part is told when it is built; nothing here is read from the environment or from a request."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


def no_secret() -> str | None:
    """The resolver of a host that configured no webhook secret: its ingress is closed."""
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebOptions:
    """Host facts and limits. `config_secret` gives the webhook secret's value, None when none is configured.

    `max_body` is in bytes. `max_streams` bounds open event streams and log followers, each on its own; `heartbeat` is
    the seconds between signs of life on a quiet stream. `now` is epoch seconds, `monotonic` never goes back.
    """

    version: str
    host: str
    max_body: int = 5 * 1024 * 1024
    config_secret: Callable[[], str | None] = no_secret
    max_streams: int = 64
    heartbeat: float = 15.0
    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
