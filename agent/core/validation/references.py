"""Names of other workloads lead somewhere. A workload that is invalid or runs on another host still exists."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from agent.core.kinds import Finding
from agent.core.model import Workload
from agent.core.schema_errors import suggest
from agent.core.values import quoted


def check_references(workload: Workload, names: Collection[str]) -> Iterator[Finding]:
    """References of one workload to workloads that no document names."""
    if workload.parent is not None and workload.parent not in names:
        yield _unknown("/parent", workload.parent, names)
    for index, name in enumerate(workload.depends_on):
        if name not in names:
            yield _unknown(f"/depends_on/{index}", name, names)


def _unknown(pointer: str, name: str, names: Collection[str]) -> Finding:
    return Finding(
        pointer=pointer,
        code="UnknownWorkload",
        expected="the name of a Workload document",
        found=quoted(name),
        fix=suggest(name, names) or "add such a workload, or remove the reference",
    )
