"""Which host runs a workload."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

from agent.core.parsed import Document


def runs_on(hosts: Iterable[str], host: str) -> bool:
    """Whether a workload with these names and globs is one of the host; without any it is one of every host."""
    patterns = tuple(hosts)
    return not patterns or any(fnmatchcase(host.lower(), pattern.lower()) for pattern in patterns)


def host_patterns(documents: Iterable[Document]) -> Iterator[str]:
    """Every name and glob of a host in these documents, those of the defaults included."""
    for document in documents:
        defaults = document.value.get("defaults")
        for holder in (document.value, defaults if isinstance(defaults, dict) else {}):
            hosts = holder.get("hosts")
            yield from (one for one in hosts if isinstance(one, str)) if isinstance(hosts, list) else ()


def stand_ins(patterns: Iterable[str]) -> tuple[str, ...]:
    """One host name for each pattern, and one that none of them names: to look at a repository as every host does."""
    names = {"".join("0" if letter in "*?[]!" else letter for letter in pattern) for pattern in patterns}
    other = "any-host"
    while other in names:
        other += "-"
    return (*sorted(names), other)
