"""Bindings: which trigger each leads to, what its overrides make of it, and whether that can work.

A binding to a trigger whose document cannot be used stays silent: the mistake is told where it was made.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from agent.core.kinds import Finding
from agent.core.model import Binding, Bound, Config, Trigger, Workload
from agent.core.problems import Severity
from agent.core.schema_errors import suggest
from agent.core.triggers import TriggerKind
from agent.core.values import quoted

CheckSchema = Callable[[Config], Iterable[Finding]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerRules:
    """What triggers are judged by: the kinds, the schemas' word on a merged configuration, and the known vendors."""

    kinds: Mapping[str, TriggerKind]
    check_schema: CheckSchema
    vendors: Callable[[], Collection[str]] = tuple

    def findings(self, config: Config) -> Iterator[Finding]:
        """What is wrong with a configuration that its schema accepts; pointers start at the configuration."""
        kind = self.kinds.get(str(config.get("kind")))
        if kind is None:
            yield _unknown_kind(str(config.get("kind")), self.kinds)
            return
        yield from kind.check(config)
        vendor = config.get("vendor")
        if vendor is not None and kind.name == "webhook" and vendor not in ("auto", *self.vendors()):
            yield _unknown_vendor(str(vendor), self.vendors())

    def merged_findings(self, config: Config) -> Iterator[Finding]:
        """The same for a configuration that no schema has seen yet."""
        wrong = list(self.check_schema(config))
        yield from wrong or self.findings(config)


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """The bindings of one workload: those in force, the triggers that it writes inline, and what is wrong."""

    bounds: tuple[Bound, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    findings: tuple[Finding, ...] = ()


def join(workload: Workload, triggers: Mapping[str, Trigger], known: Collection[str], rules: TriggerRules) -> Joined:
    """What the bindings of a workload mean; `known` are the names of all Trigger documents, usable or not."""
    joined = Joined()
    for number, binding in enumerate(workload.triggers):
        if binding.inline is not None:
            joined = _with_inline(joined, workload, (number, binding), rules)
        elif (trigger := triggers.get(binding.trigger or "")) is not None:
            joined = _with_named(joined, workload, (number, binding, trigger), rules)
        elif binding.trigger not in known:
            finding = _unknown_trigger(f"/triggers/{number}/trigger", binding.trigger or "", known)
            joined = replace(joined, findings=(*joined.findings, finding))
    return joined


def _with_inline(joined: Joined, workload: Workload, what: tuple[int, Binding], rules: TriggerRules) -> Joined:
    number, binding = what
    name = f"{workload.name}.{number + 1}"
    config: Config = binding.inline or {}
    trigger = Trigger(
        name=name,
        kind=str(config["kind"]),
        config=config,
        position=workload.position,
        workload=workload.name,
    )
    findings = [_moved(finding, f"/triggers/{number}") for finding in rules.findings(config)]
    return Joined(
        bounds=(*joined.bounds, _bound(name, workload, (number, binding), config)),
        triggers=(*joined.triggers, trigger),
        findings=(*joined.findings, *findings, *_wrong_run(number, binding)),
    )


def _with_named(joined: Joined, workload: Workload, what: tuple[int, Binding, Trigger], rules: TriggerRules) -> Joined:
    number, binding, trigger = what
    config: Config = {**trigger.config, **binding.with_, "kind": trigger.kind}
    findings = (
        [_moved(one, f"/triggers/{number}/with") for one in rules.merged_findings(config)] if binding.with_ else []
    )
    return Joined(
        bounds=(*joined.bounds, _bound(trigger.name, workload, (number, binding), config)),
        triggers=joined.triggers,
        findings=(*joined.findings, *findings, *_wrong_run(number, binding)),
    )


def _bound(trigger_name: str, workload: Workload, what: tuple[int, Binding], config: Config) -> Bound:
    number, binding = what
    return Bound(
        trigger=trigger_name,
        workload=workload.name,
        number=number,
        order=binding.order,
        enabled=binding.enabled,
        action=binding.action,
        config=config,
    )


def _wrong_run(number: int, binding: Binding) -> Iterator[Finding]:
    if binding.run is not None and binding.action != "run":
        yield Finding(
            pointer=f"/triggers/{number}/run",
            code="NotActedOn",
            expected="`run` beside `action: run`",
            found=f"`action: {binding.action}`",
            fix="write `action: run`, or remove `run`",
            severity=Severity.WARNING,
        )


def _moved(finding: Finding, pointer: str) -> Finding:
    return replace(finding, pointer=f"{pointer}{finding.pointer}")


def _unknown_trigger(pointer: str, name: str, known: Collection[str]) -> Finding:
    return Finding(
        pointer=pointer,
        code="UnknownTrigger",
        expected="the name of a Trigger document",
        found=quoted(name),
        fix=suggest(name, known) or f"add triggers/{name}.yaml, or write the trigger inline",
    )


def _unknown_kind(name: str, known: Iterable[str]) -> Finding:
    return Finding(
        pointer="/kind",
        code="UnknownTriggerKind",
        expected=f"one of the trigger kinds of this version: {', '.join(known)}",
        found=quoted(name),
        fix="update the agent, or use another kind",
    )


def _unknown_vendor(name: str, known: Collection[str]) -> Finding:
    return Finding(
        pointer="/vendor",
        code="UnknownVendor",
        expected=f"auto, or one of {', '.join(sorted(known))}",
        found=quoted(name),
        fix=suggest(name, known) or "write `auto`, or `generic` for a sender of your own",
    )


def check_trigger(trigger: Trigger, rules: TriggerRules) -> Iterator[Finding]:
    """What is wrong with a Trigger document besides what its schema says."""
    for finding in rules.findings(trigger.config):
        yield _moved(finding, "/signal")


NO_RULES = TriggerRules(kinds={}, check_schema=lambda config: ())  # noqa: ARG005 - a host that knows no triggers
