"""One document and what it means on this host: built, defaulted, and checked for all that needs no other document.

An entry depends on its file, the repository's defaults and the host only, so it is made once and kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from agent.core.build import build_registry, build_trigger, build_workload, with_defaults
from agent.core.documents import LoadedFile
from agent.core.kinds import Finding, SourceKind
from agent.core.model import Registry, Trigger, Workload
from agent.core.parsed import Document, placed
from agent.core.policy import HostPolicy
from agent.core.problems import Position, Problem, Severity
from agent.core.schemas import OTHER_KINDS
from agent.core.validation.bindings import Joined
from agent.core.validation.hosts import runs_on
from agent.core.validation.later import kind_not_acted_on, not_acted_on
from agent.core.validation.registries import check_registry
from agent.core.validation.secrets import missing_secret, missing_secrets
from agent.core.validation.signals import NO_RULES, TriggerRules, check_trigger, secret_places
from agent.core.validation.volumes import check_volumes
from agent.core.values import default_id, quoted

_UNTIL_THERE = "add it to a provider of the host; until then the trigger does not fire"


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The host that a repository is looked at for. `has_secret` is None where the host's secrets are not known."""

    host: str
    policy: HostPolicy
    kinds: Mapping[str, SourceKind]
    triggers: TriggerRules = NO_RULES
    has_secret: Callable[[str], bool] | None = None


@dataclass(slots=True, eq=False)
class Entry:
    """One document. `here` is False for a workload that other hosts run, `broken` is True where it cannot be used.

    `workload_like` is True where the document is, or may have been meant to be, a workload; `workload_id` is the id
    that its containers carry, also where the document cannot be used. `checked` keeps what the source kind found, with
    the number of the state of affairs in which it was asked; `joined` likewise what the bindings mean, with the
    triggers that they were joined to.
    """

    file: LoadedFile
    document: Document
    name: str | None
    workload_like: bool
    workload_id: str
    workload: Workload | None = None
    registry: Registry | None = None
    trigger: Trigger | None = None
    here: bool = True
    broken: bool = False
    problems: tuple[Problem, ...] = ()
    secret_names: frozenset[str] = frozenset()
    checked: tuple[int, tuple[Finding, ...]] = field(default=(-1, ()))
    joined: tuple[object, Joined] = field(default=(None, Joined()))

    @property
    def wrong(self) -> frozenset[str]:
        """Pointers to what is known to be wrong; once is enough for each."""
        return frozenset(problem.pointer for problem in self.problems) if self.broken else frozenset()

    @property
    def position(self) -> Position:
        return self.file.position(self.document)

    def problem(self, finding: Finding) -> Problem:
        """The finding at its place in the file."""
        position = self.file.position(self.document, finding.pointer)
        flaw = placed(finding, (position.line, position.column))
        return flaw.at(self.file.path, self.document.kind, self.document.name)


def make_entry(file: LoadedFile, document: Document, defaults: Mapping[str, Any], context: Context) -> Entry:
    """The entry of one document."""
    stated = document.value.get("id")
    entry = Entry(
        file,
        document,
        name=document.name,
        workload_like=document.kind not in OTHER_KINDS,
        workload_id=stated if isinstance(stated, str) and stated else default_id(document.name or ""),
    )
    if not document.usable:
        entry.broken = True
        entry.here = _may_run_here(document.value, defaults, context.host)
        entry.problems = tuple(flaw.at(file.path, document.kind, document.name) for flaw in document.flaws)
        return entry
    if findings := list(_make(entry, defaults, context)):
        entry.problems = tuple(entry.problem(finding) for finding in findings)
        entry.broken = any(finding.severity is Severity.ERROR for finding in findings)
    return entry


def _may_run_here(value: Mapping[str, Any], defaults: Mapping[str, Any], host: str) -> bool:
    hosts = value.get("hosts", defaults.get("hosts"))
    readable = isinstance(hosts, list) and all(isinstance(one, str) for one in hosts)
    return runs_on(hosts, host) if readable and hosts else True


def _make(entry: Entry, defaults: Mapping[str, Any], context: Context) -> Iterable[Finding]:
    kind = entry.document.kind
    if kind == "Workload":
        return _make_workload(entry, with_defaults(entry.document.value, defaults), context)
    if kind == "Registry":
        entry.registry = build_registry(entry.document.value, entry.position)
        return check_registry(entry.registry, context.policy)
    if kind == "Trigger":
        entry.trigger = build_trigger(entry.document.value, entry.position)
        entry.secret_names = _trigger_secrets(entry.trigger, context)
        return check_trigger(entry.trigger, context.triggers)
    if kind == "Settings":
        return not_acted_on(entry.document.value)
    return (kind_not_acted_on(str(kind)),)


def _make_workload(entry: Entry, raw: Mapping[str, Any], context: Context) -> Iterable[Finding]:
    entry.here = runs_on(raw.get("hosts", ()), context.host)
    kind = context.kinds.get(raw["source"]["kind"])
    if kind is None:
        return (_unknown_source(raw["source"]["kind"], context.kinds),)
    workload, findings = build_workload(raw, entry.position, kind)
    if workload is None:
        return findings
    entry.workload = workload
    findings.extend(not_acted_on(entry.document.value))
    if entry.here:
        entry.secret_names = kind.secret_names(workload)
        findings.extend(check_volumes(workload, context.policy))
    return findings


def _trigger_secrets(trigger: Trigger, context: Context) -> frozenset[str]:
    kind = context.triggers.kinds.get(trigger.kind)
    return kind.secret_names(trigger.config) if kind is not None else frozenset()


def _unknown_source(name: str, kinds: Iterable[str]) -> Finding:
    return Finding(
        pointer="/source/kind",
        code="UnknownSourceKind",
        expected=f"one of the source kinds of this version: {', '.join(kinds)}",
        found=quoted(name),
        fix="update the agent, or use another kind",
    )


def secret_findings(entry: Entry, has_secret: Callable[[str], bool]) -> Iterable[Finding]:
    """Secrets that the document names and the host does not have."""
    if entry.workload is not None:
        yield from missing_secrets(entry.workload, entry.secret_names, has_secret)
        if entry.joined[1].secrets:
            yield from _missing(entry.joined[1].secrets, has_secret)
    if entry.trigger is not None:
        places = secret_places(entry.trigger.config, entry.secret_names)
        yield from _missing(((f"/signal{pointer}", name) for pointer, name in places), has_secret)
    password = entry.registry.password if entry.registry is not None else None
    if password is not None and not has_secret(password.name):
        yield missing_secret("/password", password.name)


def _missing(places: Iterable[tuple[str, str]], has_secret: Callable[[str], bool]) -> Iterable[Finding]:
    """The findings about secrets of triggers, each at its place."""
    return (replace(missing_secret(*place), fix=_UNTIL_THERE) for place in places if not has_secret(place[1]))
