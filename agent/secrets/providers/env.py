"""Secrets in the environment of the agent: secret `shop-db-url` is `PIERHEAD_SECRET_SHOP_DB_URL`."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping

from agent.secrets.provider import Provider, Surroundings
from agent.settings import SecretProviderSettings

DEFAULT_PREFIX = "PIERHEAD_SECRET_"


class EnvironmentProvider:
    """The prefix, then the name in upper case with `-` and `.` as `_`."""

    def __init__(self, environment: Mapping[str, str], prefix: str) -> None:
        self._environment = environment
        self._prefix = prefix

    @property
    def description(self) -> str:
        return f"variables {self._prefix}*"

    def variable(self, name: str) -> str:
        return self._prefix + re.sub(r"[-.]", "_", name).upper()

    def stamp(self, name: str) -> Hashable | None:
        """Nobody else can change the environment of a running process: once there, it stays as it is."""
        return True if self.variable(name) in self._environment else None

    def read(self, name: str) -> bytes | None:
        value = self._environment.get(self.variable(name))
        return None if value is None else value.encode(errors="surrogateescape")


def build(settings: SecretProviderSettings, surroundings: Surroundings) -> Provider:
    return EnvironmentProvider(surroundings.environment, settings.prefix or DEFAULT_PREFIX)
