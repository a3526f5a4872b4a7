"""Ports of the host are given once: not twice by one workload, and not by two workloads of one host."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from agent.core.kinds import Finding
from agent.core.model import Publish, Workload

_Claim = tuple[Publish, str, int]
"""A binding, the workload that wants it, and its index there."""


def clashing_ports(workloads: Iterable[Workload]) -> Iterator[tuple[str, Finding]]:
    """Every binding that another one makes impossible, with the name of its workload."""
    claims: dict[tuple[int, str], list[_Claim]] = {}
    for workload in workloads:
        for index, publish in enumerate(workload.publish):
            claims.setdefault((publish.host_port, publish.protocol), []).append((publish, workload.name, index))
    for rivals in claims.values():
        if len(rivals) > 1:
            yield from _clashes(rivals)


def _clashes(rivals: list[_Claim]) -> Iterator[tuple[str, Finding]]:
    for claim in rivals:
        publish, workload_name, index = claim
        others = [other for other in rivals if other is not claim and _overlap(publish.host_ip, other[0].host_ip)]
        if others:
            yield workload_name, _clash(publish, workload_name, index, others[0])


def _overlap(left: str, right: str) -> bool:
    """Whether two host addresses include a common one; `::` is every address too."""
    everything = {"", "::"}
    return left == right or left in everything or right in everything


def _clash(publish: Publish, workload_name: str, index: int, other: _Claim) -> Finding:
    port = f"{publish.host_ip or '*'}:{publish.host_port}/{publish.protocol}"
    rival = "this workload itself" if other[1] == workload_name else f"workload `{other[1]}`"
    return Finding(
        pointer=f"/publish/{index}",
        code="PortTaken",
        expected="a port of the host that nobody else publishes",
        found=f"{port}, which {rival} publishes too",
        fix="choose another port or host address for one of them",
    )
