"""The leases on one engine as volumes: each is one volume whose labels say who and whose creation time, by the clock of
the engine, says when. Volumes survive both agent and engine, and every agent of the engine sees them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import docker.errors

from agent.core.moments import epoch
from agent.engine.connection import Connection
from agent.engine.labels import LEASE

OWNER = "pierhead.lease.owner"
INSTANCE = "pierhead.lease.instance"
SINCE = "pierhead.lease.since"
HOLDER = "pierhead.lease.holder"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseVolume:
    """One lease. `created` is in epoch seconds of the engine's clock, whole ones; `holder` is for people.

    `owner` is one data folder, `instance` one process. `since` is when the holder began; empty for a claim, which
    holds nothing yet.
    """

    name: str
    created: float
    owner: str
    instance: str
    since: str = ""
    holder: str = ""

    @property
    def held(self) -> bool:
        return self.since != ""

    @property
    def order(self) -> tuple[float, str, str]:
        """Who was first: the smaller one wins."""
        return (float(self.since) if self.held else self.created, self.owner, self.instance)


class Leases(Protocol):
    """Where leases are kept."""

    def all(self) -> tuple[LeaseVolume, ...]: ...

    def create(self, name: str, labels: Mapping[str, str]) -> LeaseVolume: ...

    def remove(self, name: str) -> None: ...


class DockerLeases:
    """The leases of one host name on a Docker Engine."""

    def __init__(self, connection: Connection, host: str) -> None:
        self._connection = connection
        self._host = host

    def all(self) -> tuple[LeaseVolume, ...]:
        """All leases on this host name, of whomever."""
        with self._connection.calling("list leases") as client:
            raw: Any = client.volumes(filters={"label": f"{LEASE}={self._host}"})
        return tuple(parse_lease(one) for one in raw.get("Volumes") or ())

    def create(self, name: str, labels: Mapping[str, str]) -> LeaseVolume:
        """Make one; its creation time is the engine's present."""
        with self._connection.calling("write a lease") as client:
            raw: Any = client.create_volume(name, labels={**labels, LEASE: self._host})
        return parse_lease(raw)

    def remove(self, name: str) -> None:
        """Remove one; it may be gone already."""
        with self._connection.calling("remove a lease") as client:
            try:
                client.remove_volume(name)
            except docker.errors.NotFound:
                return


def parse_lease(raw: Mapping[str, Any]) -> LeaseVolume:
    """A lease from the engine's JSON; labels that are missing count as empty."""
    labels = raw.get("Labels") or {}
    since = labels.get(SINCE, "")
    return LeaseVolume(
        name=raw["Name"],
        created=float(int(epoch(raw.get("CreatedAt", "")))),
        owner=labels.get(OWNER, ""),
        instance=labels.get(INSTANCE, ""),
        since=since if since.replace(".", "", 1).isdigit() else "",
        holder=labels.get(HOLDER, ""),
    )
