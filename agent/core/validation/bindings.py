"""Bindings: which trigger each leads to, what its overrides make of it, and whether that can work.

A binding to a trigger whose document cannot be used stays silent: the mistake is told where it was made.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from agent.core.kinds import Finding
from agent.core.model import Binding, Bound, Config, Trigger, Workload
from agent.core.problems import Severity
from agent.core.schema_errors import suggest
from agent.core.validation.signals import TriggerRules, moved, secret_places
from agent.core.values import quoted


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """The bindings of one workload: those that can be, the triggers that it writes inline, and what is wrong.

    `secrets` are the secrets that it names in its bindings, each with the place where it does.
    """

    bounds: tuple[Bound, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    findings: tuple[Finding, ...] = ()
    secrets: tuple[tuple[str, str], ...] = ()


def join(workload: Workload, triggers: Mapping[str, Trigger], known: Collection[str], rules: TriggerRules) -> Joined:
    """What the bindings of a workload mean; `known` are the names of all Trigger documents, usable or not."""
    joined = Joined()
    for number, binding in enumerate(workload.triggers):
        if binding.inline is not None:
            joined = _with_inline(joined, workload, number, rules)
        elif (trigger := triggers.get(binding.trigger or "")) is not None:
            joined = _with_named(joined, workload, (number, trigger), rules)
        elif binding.trigger not in known:
            finding = _unknown_trigger(f"/triggers/{number}/trigger", binding.trigger or "", known)
            joined = replace(joined, findings=(*joined.findings, finding))
    return joined


def _with_inline(joined: Joined, workload: Workload, number: int, rules: TriggerRules) -> Joined:
    binding = workload.triggers[number]
    config: Config = binding.inline or {}
    trigger = Trigger(
        name=f"{workload.name}.{number + 1}",
        kind=str(config["kind"]),
        config=config,
        position=workload.position,
        workload=workload.name,
    )
    place = f"/triggers/{number}"
    kind = rules.kinds.get(trigger.kind)
    names = kind.secret_names(config) if kind is not None else frozenset()
    return Joined(
        bounds=(*joined.bounds, _bound(trigger.name, workload, number, config)),
        triggers=(*joined.triggers, trigger),
        findings=(*joined.findings, *_placed(rules.findings(config), place), *_wrong_run(number, binding)),
        secrets=(*joined.secrets, *((f"{place}{pointer}", name) for pointer, name in secret_places(config, names))),
    )


def _with_named(joined: Joined, workload: Workload, what: tuple[int, Trigger], rules: TriggerRules) -> Joined:
    number, trigger = what
    binding = workload.triggers[number]
    config: Config = {**trigger.config, **binding.with_}
    wrong = tuple(rules.merged_findings(trigger, binding.with_)) if binding.with_ else ()
    # What no schema accepts may be asked nothing, so it is no binding for anybody who looks further.
    usable = not any(finding.severity is Severity.ERROR for finding in wrong)
    return replace(
        joined,
        bounds=(*joined.bounds, _bound(trigger.name, workload, number, config)) if usable else joined.bounds,
        findings=(*joined.findings, *_placed(wrong, f"/triggers/{number}/with"), *_wrong_run(number, binding)),
    )


def _placed(findings: Iterable[Finding], pointer: str) -> Iterator[Finding]:
    return (moved(finding, pointer) for finding in findings)


def _bound(trigger_name: str, workload: Workload, number: int, config: Config) -> Bound:
    binding = workload.triggers[number]
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


def _unknown_trigger(pointer: str, name: str, known: Collection[str]) -> Finding:
    return Finding(
        pointer=pointer,
        code="UnknownTrigger",
        expected="the name of a Trigger document",
        found=quoted(name),
        fix=suggest(name, known) or f"add triggers/{name}.yaml, or write the trigger inline",
    )
