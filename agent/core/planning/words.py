"""The words of plans: short, plain, the same everywhere. Nothing is decided here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from agent.core.naming import role_of
from agent.core.observed import ObservedContainer, Role
from agent.core.planning.groups import Group

SHOWN = 3


def count(number: int, word: str = "container") -> str:
    """`1 container`, `3 containers`."""
    return f"{number} {word}" + ("" if number == 1 else "s")


def several(texts: Sequence[str]) -> str:
    """A few texts in a row, and how many more there are."""
    more = len(texts) - SHOWN
    return "; ".join(texts[:SHOWN]) + (f"; and {more} more" if more > 0 else "")


def why_deploy(group: Group, redeploy: str = "") -> str:
    """What made a new version of a group necessary; `redeploy` says who asked for one, if anybody did."""
    image = group.spec.image
    if not group.previous:
        return f"first deploy of {image}"
    before = group.previous[-1]
    if before.fingerprint == group.fingerprint and before.workload == group.spec.workload:
        return f"the network of {group.spec.network_of} was made anew"
    if before.workload != group.spec.workload:
        return f"renamed from {before.workload}"
    if _is_reference(before.image) and before.image != image:
        changed = f"image changed {before.image} → {image}"
        return f"{changed}; {redeploy}" if redeploy else changed
    return redeploy or "configuration changed"


def waiting(waiting_for: Mapping[str, str]) -> str:
    """`waiting for db (Progressing), cache (Failed)`."""
    return "waiting for " + ", ".join(f"{name} ({state})" for name, state in sorted(waiting_for.items()))


def serving(containers: Iterable[ObservedContainer]) -> str:
    """Who serves meanwhile."""
    running = [one for one in containers if one.running]
    return f"{versions(running)} keeps running" if running else "nothing runs"


def kept_up(containers: Sequence[ObservedContainer], *, started: bool) -> str:
    """Who serves meanwhile, once those that stopped are started again."""
    return f"{versions(containers)} is started again" if started else serving(containers)


def useless(container: ObservedContainer) -> str:
    """Why a container of a wanted workload goes."""
    if container.state == "dead":
        return "it is dead"
    if role_of(container.name) is Role.ACTIVE:
        return "another one has its place"
    return "left over; it never proved itself"


def versions(containers: Iterable[ObservedContainer]) -> str:
    """The images of containers, or their names where the image's name has moved on."""
    return ", ".join(sorted({_version(one) for one in containers}))


def _version(container: ObservedContainer) -> str:
    return container.image if _is_reference(container.image) else container.name


def _is_reference(image: str) -> bool:
    """The engine tells an image by its id when its name has moved on."""
    return bool(image) and not image.startswith("sha256:")
