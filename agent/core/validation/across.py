"""All checks that look at several documents, each told to the document it is about."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from agent.core.documents import SETTINGS_PATH
from agent.core.entries import Entry
from agent.core.kinds import Finding
from agent.core.validation.cycles import cycles
from agent.core.validation.duplicates import duplicate, repeated
from agent.core.validation.faces import claimed_faces
from agent.core.validation.ports import clashing_ports
from agent.core.validation.references import check_references

Found = Iterator[tuple[Entry, Finding]]


def across(entries: Iterable[Entry], further_names: Collection[str]) -> Found:
    """What is wrong between documents. `further_names` are workloads that exist but could not be read."""
    known = tuple(entries)
    yield from _duplicates(known)
    yield from _settings(known)
    built = {entry.workload.name: (entry, entry.workload) for entry in known if entry.workload is not None}
    names = {entry.name for entry in known if entry.name and entry.workload_like} | set(further_names)
    for entry, workload in built.values():
        yield from ((entry, finding) for finding in check_references(workload, names))
    workloads = [workload for _, workload in built.values()]
    here = [workload for entry, workload in built.values() if entry.here]
    for found in (cycles(workloads), clashing_ports(here), claimed_faces(here)):
        yield from ((built[workload_name][0], finding) for workload_name, finding in found)


def _duplicates(entries: tuple[Entry, ...]) -> Found:
    for group in repeated(entries, lambda entry: (entry.document.kind, entry.name) if entry.name else None):
        if group[0].document.kind != "Settings":
            yield from _told(group, "/name", "a name")
    distinct = {entry.name: entry for entry in entries if entry.workload_like and entry.name}
    for group in repeated(distinct.values(), lambda entry: entry.workload_id):
        yield from _told(group, "/id", "an id")


def _told(group: list[Entry], pointer: str, what: str) -> Found:
    for number, entry in enumerate(group):
        other = group[0 if number else 1]
        yield entry, duplicate(pointer, what, other.file.position(other.document, pointer))


def _settings(entries: tuple[Entry, ...]) -> Found:
    documents = [entry for entry in entries if entry.document.kind == "Settings"]
    in_place = [entry for entry in documents if entry.file.path == SETTINGS_PATH]
    for entry in documents:
        if entry.file.path != SETTINGS_PATH:
            yield entry, _misplaced(f"Settings in {entry.file.path}", "move it there, or remove it")
    for entry in in_place[1:]:
        yield entry, _misplaced(f"another one, after line {in_place[0].document.line}", "join the two documents")


def _misplaced(found: str, fix: str) -> Finding:
    expected = f"one Settings document, in {SETTINGS_PATH}"
    return Finding(pointer="/kind", code="MisplacedSettings", expected=expected, found=found, fix=fix)
