"""One page of a long list, newest first: what a filter leaves of it, and the id from which the next page goes on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

BATCH = 200
MOST = 6_200
"""A filter that hardly matches looks at so many for one page, in batches that double, then says where to go on."""


class Identified(Protocol):
    """Something with an id; ids sort by time."""

    @property
    def id(self) -> str: ...


One = TypeVar("One", bound=Identified)
Fetch = Callable[[int, str | None], Sequence[One]]
"""Gives up to so many that are older than the one of that id."""


@dataclass(frozen=True, slots=True)
class Selected(Generic[One]):
    """What matched, and the id to page on from, None at the end of the list."""

    items: tuple[One, ...]
    next_before: str | None


def select(
    fetch: Fetch[One], limit: int, before: str | None, wanted: Callable[[One], bool] | None = None
) -> Selected[One]:
    """Up to `limit` of those that are wanted; all are when nothing is said."""
    if wanted is None:
        found = tuple(fetch(limit + 1, before))
        return Selected(found[:limit], found[limit - 1].id if len(found) > limit else None)
    matched: list[One] = []
    size, seen = BATCH, 0
    while seen < MOST:
        batch = fetch(size, before)
        for one in batch:
            before = one.id
            matched += [one] if wanted(one) else []
            if len(matched) == limit:
                return Selected(tuple(matched), before)
        if len(batch) < size:
            return Selected(tuple(matched), None)
        seen, size = seen + size, size * 2
    return Selected(tuple(matched), before)
