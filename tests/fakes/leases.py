"""Lease volumes in memory, on a virtual clock with whole seconds like the engine's."""

from __future__ import annotations

from collections.abc import Mapping

from fakes.clock import FakeClock

from agent.engine.lease_volumes import HOLDER, INSTANCE, OWNER, SINCE, LeaseVolume
from agent.errors import PierheadError


class FakeLeases:
    """`agent.engine.lease_volumes.Leases`; raises `away` while that is set."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.volumes: dict[str, LeaseVolume] = {}
        self.away: PierheadError | None = None

    def all(self) -> tuple[LeaseVolume, ...]:
        self._reach()
        return tuple(self.volumes.values())

    def create(self, name: str, labels: Mapping[str, str]) -> LeaseVolume:
        self._reach()
        made = LeaseVolume(
            name=name,
            created=float(int(self.clock.now())),
            owner=labels[OWNER],
            instance=labels[INSTANCE],
            since=labels[SINCE],
            holder=labels[HOLDER],
        )
        self.volumes[name] = made
        return made

    def remove(self, name: str) -> None:
        self._reach()
        self.volumes.pop(name, None)

    def _reach(self) -> None:
        if self.away is not None:
            raise self.away
