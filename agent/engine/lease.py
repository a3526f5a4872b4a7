"""Two agents with one host name on one engine would undo each other's work, so only the holder of the lease changes
anything. A lease is a labelled volume, renewed every ten seconds and dead after thirty by the engine's own clock.

To take it: write a claim, then look. Whoever sees a living lease gives way; of two claims the older one wins; then the
claim becomes a lease and one looks again. An agent that was replaced while it slept notices and stops changing things.
"""

from __future__ import annotations

import os
import socket
import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from agent.core.reasons import Reason
from agent.engine.data_folder import DataFolder
from agent.engine.lease_volumes import HOLDER, INSTANCE, OWNER, SINCE, Leases, LeaseVolume
from agent.errors import Stalled, Transient
from agent.ports import Clock

LIFETIME = 30.0


class Leasable(Protocol):
    """An engine that can be leased. `guard` makes it call `check` before it changes anything."""

    @property
    def host(self) -> str: ...

    @property
    def leases(self) -> Leases: ...

    def guard(self, check: Callable[[], None]) -> None: ...


class EngineLease:
    """The right of this process to change one engine under one host name. Safe from any thread."""

    def __init__(self, engine: Leasable, data_dir: Path, clock: Clock) -> None:
        self._leases = engine.leases
        self._host = engine.host
        self._folder = DataFolder(data_dir)
        self._clock = clock
        self._lock = threading.Lock()
        self._instance = uuid.uuid4().hex
        self._owner = ""
        self._mine: LeaseVolume | None = None
        self._since = ""
        self._valid_until = float("-inf")
        self._was_held = False
        engine.guard(self.check)

    @property
    def held(self) -> bool:
        """Whether this process may change the engine now; known without asking it."""
        return self._clock.monotonic() < self._valid_until

    def acquire(self) -> None:
        """Take data folder and lease; raises Stalled(EngineLocked) saying who has them.

        An engine that is away is no obstacle to starting: the lease is then taken before the first change.
        """
        self._folder.lock()
        self._owner = self._folder.owner()
        try:
            self.renew()
        except Transient:
            return
        except Stalled:
            self._folder.release()
            raise

    def renew(self) -> None:
        """Keep the lease, or take it when it is not held; raises Stalled(EngineLocked) when somebody else has it."""
        with self._lock:
            if self._mine is None:
                self._take()
            else:
                self._keep(self._mine)

    def check(self) -> None:
        """Return at once while the lease is held; else try to get it, and raise what stands in the way."""
        if not self.held:
            self.renew()

    def release(self) -> None:
        """Give everything back; harmless when nothing is held."""
        with self._lock:
            mine, self._mine, self._owner = self._mine, None, ""
            self._valid_until = float("-inf")
            try:
                if mine is not None:
                    self._leases.remove(mine.name)
            finally:
                self._folder.release()

    def _take(self) -> None:
        if not self._owner:
            raise Stalled(Reason.ENGINE_LOCKED, "the lease was not taken or has been given back")
        asked_at = self._clock.monotonic()
        claim = self._write("")
        try:
            self._give_way(claim)
            lease = self._write(str(claim.created))
            try:
                self._give_way(lease)
            except Stalled:
                self._leases.remove(lease.name)
                raise
        finally:
            self._leases.remove(claim.name)
        self._sweep(lease)
        self._holds(lease, asked_at)

    def _keep(self, previous: LeaseVolume) -> None:
        """A new volume for the old one. Whoever took over while this process slept removed the old one."""
        asked_at = self._clock.monotonic()
        lease = self._write(self._since)
        others = self._living_others(lease)
        replaced = previous.name not in {one.name for one in self._leases.all()}
        winner = min((one for one in others if one.held), key=lambda one: one.order, default=None)
        if winner is not None and (replaced or winner.order < lease.order):
            self._mine, self._valid_until = None, float("-inf")
            self._leases.remove(lease.name)
            raise self._locked(winner, lease)
        self._holds(lease, asked_at)
        self._leases.remove(previous.name)

    def _holds(self, lease: LeaseVolume, asked_at: float) -> None:
        self._mine, self._since, self._was_held = lease, lease.since, True
        self._valid_until = asked_at + LIFETIME

    def _write(self, since: str) -> LeaseVolume:
        started = datetime.fromtimestamp(self._clock.now(), UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        labels = {
            OWNER: self._owner,
            INSTANCE: self._instance,
            SINCE: since,
            HOLDER: f"process {os.getpid()} on {socket.gethostname()}, renewed {started}",
        }
        return self._leases.create(f"pierhead-lease-{self._owner[:8]}-{uuid.uuid4().hex[:12]}", labels)

    def _living_others(self, now: LeaseVolume) -> list[LeaseVolume]:
        """Leases and claims of others that have not expired. `now` was just written, so its time is the present.

        One from the future is left of the time before the clock was set back: whoever lives has renewed it since.
        """
        found = (one for one in self._leases.all() if not self._is_mine(one))
        return [one for one in found if abs(now.created - one.created) < LIFETIME]

    def _is_mine(self, lease: LeaseVolume) -> bool:
        """A process that begins also owns what an earlier process with its data folder left; later only its own."""
        return lease.instance == self._instance or (not self._was_held and lease.owner == self._owner)

    def _give_way(self, mine: LeaseVolume) -> None:
        for other in sorted(self._living_others(mine), key=lambda one: one.order):
            if (other.held and not mine.held) or other.order < mine.order:
                raise self._locked(other, mine)

    def _sweep(self, mine: LeaseVolume) -> None:
        """Remove what is dead: expired leases of others, and those of earlier processes of our own."""
        living = {one.name for one in self._living_others(mine)} | {mine.name}
        for one in self._leases.all():
            if one.name not in living:
                self._leases.remove(one.name)

    def _locked(self, other: LeaseVolume, now: LeaseVolume) -> Stalled:
        left = max(0.0, LIFETIME - (now.created - other.created))
        return Stalled(
            Reason.ENGINE_LOCKED,
            f"another agent drives this engine as host {self._host}: {other.holder or 'unknown'}",
            advice=f"stop it, or give this one another host name; if it is dead, its lease ends in {left:.0f} s",
        )
