"""A name is used once within its kind, an id once among workloads. Who came first cannot be told, so all are wrong."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import TypeVar

from agent.core.kinds import Finding
from agent.core.problems import Position

Item = TypeVar("Item")


def repeated(items: Iterable[Item], key: Callable[[Item], Hashable]) -> Iterator[list[Item]]:
    """The groups of items that share a key, in order; items with the key None share nothing."""
    known = list(items)
    keys = [key(item) for item in known]
    if len(set(keys)) == len(keys):
        return
    groups: dict[Hashable, list[Item]] = {}
    for item, shared in zip(known, keys, strict=True):
        groups.setdefault(shared, []).append(item)
    yield from (group for shared, group in groups.items() if shared is not None and len(group) > 1)


def duplicate(pointer: str, what: str, other: Position) -> Finding:
    """The finding about one of several; `other` is where another one is."""
    return Finding(
        pointer=pointer,
        code="DuplicateName" if pointer == "/name" else "DuplicateId",
        expected=f"{what} that no other document has",
        found=f"the same at {other.path}:{other.line}",
        fix="rename or remove one of them" if pointer == "/name" else "give one of them another `id`",
    )
