"""Everything one commit says, for one host: documents in, DesiredState out, with all problems sorted.

A document that cannot be used blocks no other: its name and id are protected, so that what runs is left as it is. What
cannot even be named withholds all pruning; settings that cannot be used make the whole commit unreadable, because their
defaults are part of every workload.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from agent.core.build import build_settings
from agent.core.documents import SETTINGS_PATH, DocumentCache, DocumentLoader, LoadedFile, LoadedTree
from agent.core.drafts import (
    Draft,
    all_triggers,
    bindings_of,
    elsewhere,
    named_triggers,
    registries_of,
    trigger_names,
    triggers_of,
    workloads_of,
)
from agent.core.entries import Context, Entry, make_entry, secret_findings
from agent.core.kinds import Finding
from agent.core.model import DesiredState, Settings, Workload
from agent.core.problems import Position, Problem, Severity
from agent.core.schemas import OTHER_KINDS, Schemas
from agent.core.tree import ReadBlob, Tree
from agent.core.validation.across import across
from agent.core.validation.bindings import join
from agent.core.validation.watched import check_watched
from agent.core.values import default_id


class DesiredReader:
    """Reads commits one after another; what two commits share is neither parsed nor checked again."""

    def __init__(self, schemas: Schemas, context: Context, cache: DocumentCache | None = None) -> None:
        self._loader = DocumentLoader(schemas, cache)
        self._builder = StateBuilder(context)
        self._first = True

    def read(self, tree: Tree, read_blob: ReadBlob) -> DesiredState:
        """What the tree says; raises only what `read_blob` and the cache raise."""
        with _collection_paused():
            desired = self._builder.build(self._loader.load(tree, read_blob))
            if self._first:  # what the first commit says stays: the search for garbage need never look at it
                self._first = False
                gc.freeze()
        return desired


@contextmanager
def _collection_paused() -> Iterator[None]:
    """No search for garbage meanwhile: much is made here, nothing of it in cycles, so there is nothing to find."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def build_desired_state(loaded: LoadedTree, context: Context) -> DesiredState:
    """What the documents of one tree say for one host."""
    return StateBuilder(context).build(loaded)


@dataclass(frozen=True, slots=True)
class _Kept:
    file: LoadedFile
    entries: tuple[Entry, ...]
    odd: bool


class StateBuilder:
    """Builds states for one host, keeping the entries of files that stay the same."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._defaults: Mapping[str, Any] = {}
        self._kept: dict[str, _Kept] = {}
        self._surroundings: tuple[object, ...] = ()
        self._generation = 0

    def build(self, loaded: LoadedTree) -> DesiredState:
        """The state that the documents of one tree describe."""
        settings, defaults = _settings(loaded)
        draft = Draft(self._entries(loaded, defaults), odd=[one.file for one in self._kept.values() if one.odd])
        draft.problems.extend(_file_problems(loaded, draft.odd))
        for entry in draft.entries:
            draft.problems.extend(entry.problems)
        for entry, finding in across(draft.entries, _salvaged_names(draft.odd)):
            draft.add(entry, finding)
        self._check_kinds(draft, settings, loaded)
        self._join_triggers(draft)
        self._check_watched(draft)
        self._check_secrets(draft)
        return self._state(loaded, draft, settings)

    def _entries(self, loaded: LoadedTree, defaults: Mapping[str, Any]) -> list[Entry]:
        if defaults != self._defaults:
            self._kept, self._defaults = {}, defaults
        kept: dict[str, _Kept] = {}
        for file in loaded.files:
            old = self._kept.get(file.path)
            if old is None or old.file is not file:
                documents = file.parsed.documents
                entries = tuple([make_entry(file, one, defaults, self._context) for one in documents])
                old = _Kept(file, entries, not file.parsed.plain)
            kept[file.path] = old
        self._kept = kept
        return [entry for one in kept.values() for entry in one.entries]

    def _check_kinds(self, draft: Draft, settings: Settings, loaded: LoadedTree) -> None:
        """Ask the source kinds, but only again when something changed that they may look at."""
        desired = DesiredState(
            revision=loaded.tree.revision,
            workloads=workloads_of(draft),
            registries=registries_of(draft),
            settings=settings,
            elsewhere=elsewhere(draft),
        )
        surroundings = (frozenset(desired.workloads), desired.registries, settings, desired.elsewhere)
        if surroundings != self._surroundings:
            self._surroundings = surroundings
            self._generation += 1
        for entry in draft.entries:
            if entry.workload is not None and entry.here:
                for finding in self._kind_findings(entry, entry.workload, desired):
                    if finding.pointer not in entry.wrong:
                        draft.add(entry, finding)

    def _join_triggers(self, draft: Draft) -> None:
        """What the bindings of each workload lead to; looked at again only where a trigger or the workload changed."""
        triggers = triggers_of(draft)
        known = trigger_names(draft)
        for entry in draft.entries:
            if entry.workload is not None and entry.workload.triggers:
                draft.bound.append(entry)
                surroundings = named_triggers(entry.workload, triggers, known)
                if entry.joined[0] != surroundings:
                    rules = self._context.triggers
                    entry.joined = (surroundings, join(entry.workload, triggers, known, rules))
                for finding in entry.joined[1].findings:
                    draft.add(entry, finding)

    def _check_watched(self, draft: Draft) -> None:
        registries = {one.name for one in draft.entries if one.document.kind == "Registry" and one.name}
        for entry in draft.entries:
            if entry.trigger is not None or (entry.workload is not None and entry.workload.triggers):
                for finding in check_watched(entry, self._context.triggers.kinds, registries):
                    draft.add(entry, finding)

    def _kind_findings(self, entry: Entry, workload: Workload, desired: DesiredState) -> tuple[Finding, ...]:
        if entry.checked[0] != self._generation:
            kind = self._context.kinds[workload.source.kind]
            entry.checked = (self._generation, tuple(kind.check(workload, desired, self._context.policy)))
        return entry.checked[1]

    def _check_secrets(self, draft: Draft) -> None:
        if self._context.has_secret is not None:
            for entry in draft.entries:
                if entry.here and not entry.broken:
                    for finding in secret_findings(entry, self._context.has_secret):
                        draft.add(entry, finding)

    def _state(self, loaded: LoadedTree, draft: Draft, settings: Settings) -> DesiredState:
        lost = [entry for entry in draft.entries if not draft.works(entry) and entry.name and entry.workload_like]
        salvaged = dict(_salvaged_workloads(draft.odd))
        invalid = {entry.workload_id: str(entry.name) for entry in lost if entry.here} | salvaged
        away = {text for entry in lost if not entry.here for text in (entry.workload_id, str(entry.name))}
        return DesiredState(
            revision=loaded.tree.revision,
            workloads=workloads_of(draft),
            registries=registries_of(draft),
            triggers=all_triggers(draft),
            bindings=bindings_of(draft),
            settings=settings,
            problems=tuple(sorted(draft.problems, key=lambda problem: problem.sort_key)),
            invalid=invalid,
            protected=frozenset((*invalid, *invalid.values(), *away)),
            elsewhere=elsewhere(draft),
            complete=not any(_unnamed(file) for file in draft.odd),
            readable=_readable(loaded, draft),
        )


def _settings(loaded: LoadedTree) -> tuple[Settings, Mapping[str, Any]]:
    """The settings, and the defaults for workloads, of the one document that may hold them."""
    for file in loaded.files:
        for document in file.parsed.documents:
            if file.path == SETTINGS_PATH and document.kind == "Settings" and document.usable:
                return build_settings(document.value), document.value.get("defaults", {})
    return Settings(), {}


def _file_problems(loaded: LoadedTree, odd: Iterable[LoadedFile]) -> Iterator[Problem]:
    for file in odd:
        stop = file.parsed.stop
        if stop is not None:
            salvaged = file.parsed.salvaged
            known = salvaged[0] if len(salvaged) == 1 else {}
            yield stop.at(file.path, known.get("kind"), known.get("name"))
        elif not file.parsed.documents:
            yield _warning(
                file.path, "EmptyFile", "at least one document", "none", "remove the file if it is not needed"
            )
    if loaded.tree.missing:
        yield _missing(loaded.tree.missing)
    elif not loaded.files:
        fix = "add a document such as workloads/web.yaml"
        yield _warning(SETTINGS_PATH, "NoDocuments", "documents in settings.yaml and workloads/", "none", fix)


def _warning(path: str, code: str, expected: str, found: str, fix: str) -> Problem:
    return Problem(
        position=Position(path), code=code, expected=expected, found=found, fix=fix, severity=Severity.WARNING
    )


def _missing(why: str) -> Problem:
    expected, fix = "a commit with documents", "check `repo.branch` and `repo.path` of the host settings"
    return Problem(position=Position(""), code="NothingReadable", expected=expected, found=why, fix=fix)


def _salvaged(odd: Iterable[LoadedFile]) -> Iterator[Mapping[str, str]]:
    for file in odd:
        yield from (one for one in file.parsed.salvaged if one["kind"] == "Workload")


def _salvaged_names(odd: Iterable[LoadedFile]) -> frozenset[str]:
    return frozenset(one["name"] for one in _salvaged(odd))


def _salvaged_workloads(odd: Iterable[LoadedFile]) -> Iterator[tuple[str, str]]:
    for one in _salvaged(odd):
        yield one.get("id") or default_id(one["name"]), one["name"]


def _unnamed(file: LoadedFile) -> bool:
    """Whether the file may hold a workload that nobody can name."""
    if file.parsed.stop is not None:
        return True
    return any(one.name is None and one.kind not in OTHER_KINDS for one in file.parsed.documents)


def _readable(loaded: LoadedTree, draft: Draft) -> bool:
    if loaded.tree.missing or _settings_lost(loaded.files, draft):
        return False
    named = any(entry.name for entry in draft.entries)
    return named or not any(problem.severity is Severity.ERROR for problem in draft.problems)


def _settings_lost(files: Iterable[LoadedFile], draft: Draft) -> bool:
    """Whether there are settings that cannot be used."""
    stopped = any(file.path == SETTINGS_PATH and file.parsed.stop is not None for file in files)
    return stopped or any(
        entry.file.path == SETTINGS_PATH
        and not draft.works(entry)
        and entry.document.kind not in {"Workload", "Registry", "Trigger"}
        for entry in draft.entries
    )
