"""Keeps asking containers that run whether they are well: the agent's own http and tcp checks after a deploy.

A container is unhealthy after `retries` failures in a row and well again after one success; only such a change is told.
Docker's own checks (`command`) need no asking: their state comes with the list call.
"""

from __future__ import annotations

import heapq
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from agent.core.model import HealthCheck
from agent.ports import Clock

logger = logging.getLogger(__name__)

Probe = Callable[[str, HealthCheck, Callable[[], bool]], str | None]
"""Asks one address once; None when it is well, else why not. Takes no longer than the check's own timeout, and ends
soon once the callable says that nobody needs the answer."""

PROBERS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One container to ask, at an IPv4 address."""

    workload_id: str
    container_id: str
    address: str
    healthcheck: HealthCheck


class Monitor:
    """Thread-safe. `changed` is called with the workload id when a container became unhealthy or well again."""

    def __init__(self, probe: Probe, changed: Callable[[str], None], clock: Clock) -> None:
        self._probe = probe
        self._changed = changed
        self._clock = clock
        self._wake = threading.Condition()
        self._followed: dict[str, tuple[Target, ...]] = {}
        self._targets: dict[str, Target] = {}
        self._due: list[tuple[float, str]] = []
        self._next: dict[str, float] = {}
        self._failures: dict[str, int] = {}
        self._unhealthy: Mapping[str, str] = {}
        self._stopping = False
        self._pool = ThreadPoolExecutor(PROBERS, thread_name_prefix="probe")
        self._thread = threading.Thread(target=self._run, name="monitor", daemon=True)

    def start(self) -> None:
        """Begin asking."""
        self._thread.start()

    def stop(self) -> None:
        """Stop asking; probes under way are abandoned."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def unhealthy(self) -> Mapping[str, str]:
        """Why each unhealthy container (by id) is so; the same object while nothing changes."""
        return self._unhealthy

    def follow(self, workload_id: str, targets: Sequence[Target]) -> None:
        """Ask exactly these containers of a workload from now on."""
        with self._wake:
            before, now = self._followed.get(workload_id, ()), tuple(targets)
            if now == before:
                return
            self._followed[workload_id] = now
            wanted = {target.container_id: target for target in targets}
            for known in before:
                if wanted.get(known.container_id) != known:
                    self._forget(known.container_id)
            for container_id, target in wanted.items():
                if container_id not in self._targets:
                    self._targets[container_id] = target
                    self._schedule(target)
            self._wake.notify()

    def _schedule(self, target: Target) -> None:
        """Ask once more after the interval, whatever was planned for this container before."""
        due = self._clock.monotonic() + target.healthcheck.interval
        self._next[target.container_id] = due
        heapq.heappush(self._due, (due, target.container_id))

    def _forget(self, container_id: str) -> None:
        self._targets.pop(container_id, None)
        self._next.pop(container_id, None)
        self._failures.pop(container_id, None)
        self._well(container_id)

    def _well(self, container_id: str) -> bool:
        """Nothing is wrong with it any more; True when something was. What others were given stays as it is."""
        if container_id not in self._unhealthy:
            return False
        self._unhealthy = {known: why for known, why in self._unhealthy.items() if known != container_id}
        return True

    def _run(self) -> None:
        while True:
            with self._wake:
                if self._stopping:
                    return
                now = self._clock.monotonic()
                if not self._due or self._due[0][0] > now:
                    self._wake.wait(self._due[0][0] - now if self._due else None)
                    continue
                due, container_id = heapq.heappop(self._due)
                if self._next.get(container_id) != due:
                    continue  # planned anew since
                del self._next[container_id]
                target = self._targets[container_id]
            self._submit(target)

    def _submit(self, target: Target) -> None:
        try:
            self._pool.submit(self._ask, target)
        except RuntimeError:  # shut down meanwhile
            return

    def _ask(self, target: Target) -> None:
        known, why = self._answer(target)
        with self._wake:
            if self._targets.get(target.container_id) != target:
                return
            changed = known and self._count(target, why)
            self._schedule(target)
            self._wake.notify()
        if changed:
            self._changed(target.workload_id)

    def _answer(self, target: Target) -> tuple[bool, str | None]:
        """Whether anything is known now, and what; a defect of the probe says nothing about the container."""
        try:
            return True, self._probe(target.address, target.healthcheck, lambda: self._stopping)
        except Exception:
            logger.exception("the check of %s failed", target.address)
            return False, None

    def _count(self, target: Target, why: str | None) -> bool:
        container_id = target.container_id
        if why is None:
            self._failures.pop(container_id, None)
            return self._well(container_id)
        failures = self._failures[container_id] = self._failures.get(container_id, 0) + 1
        if failures < target.healthcheck.retries or container_id in self._unhealthy:
            return False
        self._unhealthy = {**self._unhealthy, container_id: f"{failures} checks in a row failed: {why}"}
        return True
