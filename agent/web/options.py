"""What the web part is told when it is built; nothing here is read from the environment or from a request."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from agent.core.delivery import Vendor
from agent.discovery import discover_vendors


def no_secret() -> str | None:
    """The resolver of a host that configured no webhook secret: its ingress is closed."""
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebOptions:
    """Host facts and limits. `config_secret` gives the webhook secret's value, None when none is configured.

    `vendors` are those of webhooks by name. One address may make `webhook_burst` deliveries at once and `webhook_rate`
    a second after that. `max_body` is in bytes. `max_streams` bounds open event streams and log followers, each on its
    own; `heartbeat` is the seconds between signs of life on a quiet stream. `now` is epoch seconds, `monotonic` never
    goes back.
    """

    version: str
    host: str
    max_body: int = 5 * 1024 * 1024
    webhook_rate: float = 500.0
    webhook_burst: int = 5000
    config_secret: Callable[[], str | None] = no_secret
    vendors: Mapping[str, Vendor] = field(default_factory=discover_vendors)
    max_streams: int = 64
    heartbeat: float = 15.0
    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
