"""Keeps the newest snapshot of the engine: one list call serves everybody who asked before it began.

It decides nothing. Inspections are kept per container id until an engine event or a gap in the stream drops them. What
is the same as in the snapshot before is the same object, so that whoever compares the two need not look inside.
"""

from __future__ import annotations

import contextlib
import dataclasses
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from agent.core.observed import ContainerDetail, ObservedContainer, ObservedState, Role
from agent.errors import PierheadError
from agent.ports import Clock, Engine


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One list call, indexed once: containers and one-off ones by workload id, and the running active one by name.

    A workload of which only one-off containers are left has an empty group.
    """

    state: ObservedState = field(default_factory=ObservedState)
    groups: Mapping[str, tuple[ObservedContainer, ...]] = field(default_factory=dict)
    owners: Mapping[str, str] = field(default_factory=dict)
    runs: Mapping[str, tuple[ObservedContainer, ...]] = field(default_factory=dict)

    def then(self, containers: Iterable[ObservedContainer], serial: int, listed_at: float) -> Snapshot:
        """The next snapshot, made of the objects of this one as far as they are equal."""
        before = {one.id: one for one in self.state.containers}
        known = tuple(old if (old := before.get(one.id)) == one else one for one in containers)
        state = ObservedState(known, serial, listed_at)
        if known == self.state.containers:
            return Snapshot(state, self.groups, self.owners, self.runs)
        owners = {one.workload: one.id for one in known if one.running and one.role is Role.ACTIVE}
        return Snapshot(state, state.grouped(), self.owners if owners == self.owners else owners, state.runs())

    def address(self, container: ObservedContainer) -> str:
        """An IPv4 address at which a container answers: its own, or of the one whose network it joined, else empty."""
        if container.network_container:
            owners = (one for one in self.state.containers if one.id == container.network_container)
            container = next(owners, container)
        if "host" in container.networks:
            return "127.0.0.1"
        return next((address for address in container.networks.values() if address), "")


class Observer:
    """Thread-safe. `not_before` is monotonic seconds: a snapshot whose list call began earlier is not good enough."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._listing = threading.Lock()
        self._changing = threading.Lock()
        self._moved: dict[str, set[str]] = {}
        self._details: dict[str, ContainerDetail] = {}
        self._detailed: dict[str, tuple[ObservedContainer, ObservedContainer]] = {}
        self._snapshot = Snapshot()
        self.list_calls = 0

    @property
    def latest(self) -> Snapshot:
        """The newest snapshot, however old; empty before the first."""
        return self._snapshot

    def snapshot(self, not_before: float) -> Snapshot:
        """A snapshot that shows everything that happened before `not_before`; lists only if there is none yet."""
        if self._fresh(not_before):
            return self._snapshot
        with self._listing:
            if self._fresh(not_before):
                return self._snapshot
            began = self._clock.monotonic()
            containers = self._engine.list_containers()
            self.list_calls += 1
            self._snapshot = self._snapshot.then(containers, self.list_calls, began)
            self._forget_gone(containers)
            return self._snapshot

    def settled(self, workload_id: str, not_before: float) -> Snapshot:
        """A snapshot in which the containers of one workload are as the events about them told.

        The engine tells that a container ended before its list shows it: it frees mounts and networks in between. An
        inspection is answered only when that is over, so whatever moved is inspected first and listed then.
        """
        with self._changing:
            moved = self._moved.pop(workload_id, set())
        for container_id in moved:
            with contextlib.suppress(PierheadError):  # gone, or the engine is away, which the list call tells
                self._details[container_id] = self._engine.inspect(container_id)
        return self.snapshot(self._clock.monotonic() if moved else not_before)

    def _fresh(self, not_before: float) -> bool:
        state = self._snapshot.state
        return state.serial > 0 and state.listed_at >= not_before

    def _forget_gone(self, containers: tuple[ObservedContainer, ...]) -> None:
        known = {*self._details.copy(), *self._detailed.copy()}  # copies: other threads inspect meanwhile
        for container_id in known - {one.id for one in containers}:
            self._details.pop(container_id, None)
            self._detailed.pop(container_id, None)

    def detailed(self, containers: tuple[ObservedContainer, ...]) -> tuple[ObservedContainer, ...]:
        """The same containers with what only an inspection tells, inspecting those that are not known yet."""
        return tuple([self._with_detail(one) for one in containers])

    def _with_detail(self, listed: ObservedContainer) -> ObservedContainer:
        detail = self._detail(listed.id)
        kept = self._detailed.get(listed.id)
        if kept is not None and kept[0] is listed and kept[1].detail is detail:
            return kept[1]
        detailed = dataclasses.replace(listed, detail=detail)
        self._detailed[listed.id] = (listed, detailed)
        return detailed

    def _detail(self, container_id: str) -> ContainerDetail | None:
        known = self._details.get(container_id)
        if known is None:
            try:
                known = self._details[container_id] = self._engine.inspect(container_id)
            except PierheadError:  # gone since it was listed, which the next list call shows
                return None
        return known

    def forget(self, container_id: str) -> None:
        """Something happened to this container; what was inspected of it no longer counts."""
        self._details.pop(container_id, None)

    def moved(self, workload_id: str, container_id: str) -> None:
        """An event told of this container: forget it, and wait for it in the next `settled`."""
        self.forget(container_id)
        with self._changing:
            self._moved.setdefault(workload_id, set()).add(container_id)

    def forget_all(self) -> None:
        """Events were missed; nothing that was inspected counts any more."""
        self._details.clear()
