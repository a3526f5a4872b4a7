"""Sorts what was observed by what was wanted: one group per instance, one slot per wanted container.

A container is current when it has the wanted fingerprint, bears the workload's present name and joined the network that
is joined now. A current container is proven when it has an active name, for only a passed gate gives one. Whoever
proved itself for another version is `previous`, and is kept until the current ones have proved themselves.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from agent.core.container import ContainerSpec
from agent.core.kinds import Situation
from agent.core.naming import is_own_name, role_of
from agent.core.observed import ObservedContainer, Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One wanted container, and the one that fills the place if there is one."""

    spec: ContainerSpec
    current: ObservedContainer | None = None
    proven: bool = False

    @property
    def serving(self) -> bool:
        """Whether the place is filled by a proven container that runs."""
        return self.proven and self.current is not None and self.current.state in ("running", "restarting")


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """All containers of one instance.

    `previous`: proven, of another version. `stale`: never proven, dead or a second one for the same place; in the way.
    `surplus`: of the right version, for a replica that is no longer wanted.
    """

    fingerprint: str
    slots: tuple[Slot, ...]
    previous: tuple[ObservedContainer, ...] = ()
    stale: tuple[ObservedContainer, ...] = ()
    surplus: tuple[ObservedContainer, ...] = ()

    @property
    def spec(self) -> ContainerSpec:
        return self.slots[0].spec

    @property
    def serving(self) -> bool:
        """Whether every wanted container is there, proven and running."""
        return all(slot.serving for slot in self.slots)

    @property
    def known_good(self) -> bool:
        """Whether this version has proved itself and nothing else could take its place."""
        return not self.previous and any(slot.proven for slot in self.slots)

    @property
    def begun(self) -> bool:
        """Whether a deploy has gone so far that waiting would leave nobody serving."""
        return any(slot.current for slot in self.slots) and not any(one.running for one in self.previous)

    def best_previous(self, situation: Situation) -> tuple[ObservedContainer, ...]:
        """Per place the container to go back to: one that can start, bears its own name, and is the newest."""
        best: dict[int, ObservedContainer] = {}
        for one in self.previous:
            if _can_start(one, situation) and (one.index not in best or _rank(one) > _rank(best[one.index])):
                best[one.index] = one
        return tuple(best[index] for index in sorted(best))


def sort_group(
    specs: tuple[ContainerSpec, ...], target: str, observed: Iterable[ObservedContainer], situation: Situation
) -> Group:
    """The group of one instance. `specs` are its wanted containers, `observed` all containers of that instance."""
    present = [one for one in observed if one.state != "removing"]
    current = [one for one in present if is_current(one, specs[0], target, situation)]
    outdated = [one for one in present if one not in current]
    previous = tuple(one for one in outdated if role_of(one.name) is Role.ACTIVE)
    slots = tuple(_fill(spec, current, replaces=bool(previous)) for spec in specs)
    chosen = {slot.current.id for slot in slots if slot.current is not None}
    wanted = {spec.index for spec in specs}
    spare = [one for one in current if one.id not in chosen]
    surplus = tuple(one for one in spare if one.index not in wanted and role_of(one.name) is Role.ACTIVE)
    kept = {one.id for one in (*previous, *surplus)} | chosen
    stale = tuple(one for one in present if one.id not in kept)
    return Group(fingerprint=target, slots=slots, previous=previous, stale=stale, surplus=surplus)


def is_current(container: ObservedContainer, spec: ContainerSpec, target: str, situation: Situation) -> bool:
    """Whether a container is of the wanted version in every respect."""
    joined = situation.network_owners.get(spec.network_of) if spec.network_of else container.network_container
    return (
        container.fingerprint == target
        and container.workload == spec.workload
        and container.network_container == joined
    )


def _fill(spec: ContainerSpec, current: list[ObservedContainer], *, replaces: bool) -> Slot:
    """The best container for a place; a foreign name proves nothing while there is something to go back to."""
    usable = [one for one in current if one.index == spec.index and one.state != "dead"]
    usable = [one for one in usable if role_of(one.name) is not Role.RETIRED]
    if not usable:
        return Slot(spec=spec)
    best = max(usable, key=_fitness)
    proven = role_of(best.name) is Role.ACTIVE and (is_own_name(best) or not replaces)
    return Slot(spec=spec, current=best, proven=proven)


def _fitness(container: ObservedContainer) -> tuple[bool, bool, bool, int]:
    """Proven before running before old: the one that was there first."""
    active = role_of(container.name) is Role.ACTIVE
    return (active and is_own_name(container), active, container.running, -container.created)


def _rank(container: ObservedContainer) -> tuple[bool, int]:
    return (is_own_name(container), container.created)


def _can_start(container: ObservedContainer, situation: Situation) -> bool:
    """A container whose joined network is gone can never start again."""
    joined = container.network_container
    return container.state != "dead" and (joined is None or joined in situation.network_owners.values())
