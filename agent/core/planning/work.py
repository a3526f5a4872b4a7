"""What each wanted container needs: a value per slot, from which the steps of deploys and repairs are written down.

Names are given here, once per plan, so that every step of it speaks of the same container by the same name.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from agent.core.container import ContainerSpec
from agent.core.drift import Drift, limit_drifts, missing_networks, name_drift, state_drift
from agent.core.naming import container_name, is_own_name
from agent.core.observed import ObservedContainer, Role
from agent.core.planning.groups import Group, Slot


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One slot with its names: `name` while the plan runs until the container has proved itself, then `final_name`."""

    spec: ContainerSpec
    current: ObservedContainer | None
    proven: bool
    name: str
    final_name: str

    @property
    def reference(self) -> str:
        """How steps address the container: by id, or by name where an earlier step creates it."""
        return self.current.id if self.current is not None else self.name

    @property
    def known_name(self) -> str:
        """The name under which people know it: the one it has, else the one it will have."""
        return self.current.name if self.current is not None else self.final_name

    @property
    def state(self) -> Drift | None:
        """Why it has to be started; None while it runs."""
        if self.current is None:
            return Drift("container", "running", "none")
        return state_drift(self.current)

    @property
    def demoted(self) -> bool:
        """A stopped container of the wanted version, while another one could be gone back to: proof is due again."""
        return self.current is not None and self.name != self.current.name

    @property
    def gated(self) -> bool:
        """Whether it has to prove itself within this plan."""
        return not self.proven or self.state is not None

    @property
    def limits(self) -> tuple[Drift, ...]:
        return () if self.current is None else limit_drifts(self.current, self.spec)

    @property
    def networks(self) -> tuple[str, ...]:
        return () if self.current is None else missing_networks(self.current, self.spec)

    @property
    def drifts(self) -> tuple[Drift, ...]:
        """Everything that differs from what is wanted, in words."""
        found = [] if self.state is None else [self.state]
        found += self.limits
        found += [Drift(f"network {name}", "connected", "not connected") for name in self.networks]
        if self.current is not None and self.proven and self.current.name != self.final_name:
            found.append(name_drift(self.current, self.final_name))
        return tuple(found)


def work_of(group: Group, names: Iterable[str]) -> tuple[Work, ...]:
    """The work of a group; `names` are all names that the workload's containers have now."""
    taken = set(names)
    return tuple(_work(slot, group, taken) for slot in group.slots)


def _work(slot: Slot, group: Group, taken: set[str]) -> Work:
    name = _name(slot, group, taken)
    taken.add(name)
    final_name = _final_name(slot, group, taken)
    taken.add(final_name)
    return Work(spec=slot.spec, current=slot.current, proven=slot.proven, name=name, final_name=final_name)


def _name(slot: Slot, group: Group, taken: set[str]) -> str:
    demote = slot.proven and not slot.serving and bool(group.previous)
    if slot.current is None or demote:
        return container_name(slot.spec, group.fingerprint, Role.CANDIDATE, taken)
    return slot.current.name


def _final_name(slot: Slot, group: Group, taken: set[str]) -> str:
    if slot.current is not None and slot.proven and is_own_name(slot.current):
        return slot.current.name
    return container_name(slot.spec, group.fingerprint, Role.ACTIVE, taken)
