"""Nothing waits for itself: neither `depends_on` nor `parent` leads back to where it began."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from agent.core.kinds import Finding
from agent.core.model import Workload

Edges = Mapping[str, tuple[str, ...]]


def cycles(workloads: Iterable[Workload]) -> Iterator[tuple[str, Finding]]:
    """Every workload that is part of a cycle, with the whole way round."""
    known = tuple(workloads)
    yield from _of("depends_on", {one.name: one.depends_on for one in known if one.depends_on})
    yield from _of("parent", {one.name: (one.parent,) for one in known if one.parent is not None})


def _of(field: str, edges: dict[str, tuple[str, ...]]) -> Iterator[tuple[str, Finding]]:
    """Cycles one after another: each that is found is taken out before the next is sought."""
    edges = _knotted(edges)
    while way := _cycle(edges):
        members = way[:-1]
        for number, name in enumerate(members):
            index = edges[name].index(way[number + 1])
            yield name, _finding(field, index, [*members[number:], *members[:number], name])
        edges = {name: targets for name, targets in edges.items() if name not in members}


def _knotted(edges: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """The edges without those that soon lead to an end: usually all of them, which is faster than sorting."""
    for _ in range(8):
        edges = {name: targets for name, targets in edges.items() if not edges.keys().isdisjoint(targets)}
    return edges


def _cycle(edges: Edges) -> list[str]:
    """One cycle as names, first and last the same, each depending on the next; empty when there is none."""
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as error:
        way: list[str] = list(reversed(error.args[1]))
        return way
    return []


def _finding(field: str, index: int, way: list[str]) -> Finding:
    return Finding(
        pointer=f"/{field}/{index}" if field == "depends_on" else f"/{field}",
        code="Cycle",
        expected=f"`{field}` that does not lead back to the workload itself",
        found=" → ".join(way),
        fix=f"remove one of these from `{field}`",
    )
