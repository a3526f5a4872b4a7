"""A face belongs to one workload: host and path of a public route are claimed once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from agent.core.kinds import Finding
from agent.core.model import Workload


def claimed_faces(workloads: Iterable[Workload]) -> Iterator[tuple[str, Finding]]:
    """Every face that is claimed more than once, with the name of its workload."""
    claims: dict[tuple[str, str], list[tuple[str, int]]] = {}
    for workload in workloads:
        for index, face in enumerate(workload.faces):
            claims.setdefault((face.host, face.path.rstrip("/")), []).append((workload.name, index))
    for (host, path), claimants in claims.items():
        if len(claimants) > 1:
            for number, (workload_name, index) in enumerate(claimants):
                rival = claimants[0 if number else 1][0]
                yield workload_name, _claimed(f"{host}{path or '/'}", index, workload_name, rival)


def _claimed(face: str, index: int, workload_name: str, rival: str) -> Finding:
    who = "this workload itself" if rival == workload_name else f"workload `{rival}`"
    return Finding(
        pointer=f"/faces/{index}",
        code="FaceTaken",
        expected="a host and path that nobody else claims",
        found=f"{face}, which {who} claims too",
        fix="remove one of the two faces, or change its host or path",
    )
