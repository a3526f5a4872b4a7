"""A state while it is put together: all entries, what is wrong with them, and what is left of them in the end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from agent.core.documents import LoadedFile
from agent.core.entries import Entry
from agent.core.kinds import Finding
from agent.core.model import Bound, Registry, Trigger, Workload
from agent.core.problems import Problem, Severity


@dataclass(slots=True)
class Draft:
    """The state while it is put together. `broken` holds the entries that later checks ruled out.

    `odd` holds the files that are not simply documents with names, which are few; `bound` the workloads with bindings.
    """

    entries: list[Entry]
    odd: list[LoadedFile] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    broken: set[int] = field(default_factory=set)
    bound: list[Entry] = field(default_factory=list)

    def add(self, entry: Entry, finding: Finding) -> None:
        self.problems.append(entry.problem(finding))
        if finding.severity is Severity.ERROR:
            self.broken.add(id(entry))

    def works(self, entry: Entry) -> bool:
        return not entry.broken and id(entry) not in self.broken


def workloads_of(draft: Draft) -> dict[str, Workload]:
    found = (one.workload for one in draft.entries if one.workload is not None and one.here and draft.works(one))
    return {workload.name: workload for workload in sorted(found, key=lambda workload: workload.name)}


def registries_of(draft: Draft) -> dict[str, Registry]:
    found = (one.registry for one in draft.entries if one.registry is not None and draft.works(one))
    return {registry.name: registry for registry in found}


def triggers_of(draft: Draft) -> dict[str, Trigger]:
    found = (one.trigger for one in draft.entries if one.trigger is not None and draft.works(one))
    return {trigger.name: trigger for trigger in found}


def trigger_names(draft: Draft) -> frozenset[str]:
    """The names of all Trigger documents, usable or not, and of those that could only be guessed."""
    named = {one.name for one in draft.entries if one.document.kind == "Trigger" and one.name}
    guesses = (one for file in draft.odd for one in file.parsed.salvaged)
    return frozenset(named | {one["name"] for one in guesses if one["kind"] == "Trigger"})


def named_triggers(workload: Workload, triggers: Mapping[str, Trigger], known: frozenset[str]) -> object:
    """All that the meaning of a workload's bindings depends on besides itself."""
    names = [one.trigger for one in workload.triggers if one.trigger is not None]
    return (*[(name, triggers.get(name), name in known) for name in names], known if set(names) - known else None)


def _joined_here(draft: Draft) -> Iterator[Entry]:
    """Entries of workloads of this host that have bindings and can be used."""
    yield from (entry for entry in draft.bound if entry.here and draft.works(entry))


def all_triggers(draft: Draft) -> dict[str, Trigger]:
    """Documents and inline triggers alike, by name."""
    inline = {one.name: one for entry in _joined_here(draft) for one in entry.joined[1].triggers}
    return dict(sorted((triggers_of(draft) | inline).items()))


def bindings_of(draft: Draft) -> dict[str, tuple[Bound, ...]]:
    """By trigger, lowest order first, then by workload."""
    found: dict[str, list[Bound]] = {}
    for entry in _joined_here(draft):
        for bound in entry.joined[1].bounds:
            found.setdefault(bound.trigger, []).append(bound)
    return {name: tuple(sorted(one, key=lambda b: (b.order, b.workload, b.number))) for name, one in found.items()}


def elsewhere(draft: Draft) -> frozenset[str]:
    return frozenset(one.workload.id for one in draft.entries if one.workload is not None and not one.here)
