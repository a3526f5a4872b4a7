"""A registry client that is made when it is first asked: an agent that follows no registry does not pay for one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from agent.ports import Clock, Credentials

if TYPE_CHECKING:
    from agent.registries.client import RegistryClient


class LateClient:
    """Answers as `RegistryClient` does. Safe from any thread; `close` once."""

    def __init__(self, credentials_for: Callable[[str | None, str], Credentials | None], clock: Clock) -> None:
        self._credentials_for = credentials_for
        self._clock = clock
        self._lock = threading.Lock()
        self._made: RegistryClient | None = None

    def tags(self, image: str, registry: str | None) -> tuple[str, ...]:
        """See `RegistryClient.tags`."""
        return self._client().tags(image, registry)

    def digest(self, image: str, tag: str, registry: str | None) -> str | None:
        """See `RegistryClient.digest`."""
        return self._client().digest(image, tag, registry)

    def created(self, image: str, tag: str, registry: str | None) -> float:
        """See `RegistryClient.created`."""
        return self._client().created(image, tag, registry)

    def limits(self) -> dict[str, float]:
        """See `RegistryClient.limits`; nothing before the first question."""
        return {} if self._made is None else self._made.limits()

    def close(self) -> None:
        """Give back the connections, where there are any."""
        if self._made is not None:
            self._made.close()

    def _client(self) -> RegistryClient:
        from agent.registries.client import RegistryClient

        with self._lock:
            if self._made is None:
                self._made = RegistryClient(self._credentials_for, self._clock)
            return self._made
