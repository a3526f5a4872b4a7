"""Secrets that documents name exist. Only a warning: whether a value is there can change without a commit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from agent.core.kinds import Finding
from agent.core.model import SecretRef, Workload
from agent.core.problems import Severity
from agent.core.schema_errors import join_pointer
from agent.core.values import quoted


def missing_secrets(workload: Workload, names: Iterable[str], has_secret: Callable[[str], bool]) -> Iterator[Finding]:
    """`names` are all secrets that running the workload needs."""
    variables = {value.name: name for name, value in workload.env.items() if isinstance(value, SecretRef)}
    for name in sorted({*names, *variables}):
        if not has_secret(name):
            variable = variables.get(name)
            yield missing_secret(join_pointer("/env", variable) if variable else "/source", name)


def missing_secret(pointer: str, name: str) -> Finding:
    """The finding about one secret that no provider of the host has."""
    return Finding(
        pointer=pointer,
        code="SecretMissing",
        expected="a secret that the host has",
        found=f"no secret {quoted(name)}",
        fix="add it to a provider of the host; until then nothing is deployed",
        severity=Severity.WARNING,
    )
