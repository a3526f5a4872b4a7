"""Configurations of triggers: what is wrong with one that its schema accepts, and with overrides merged over one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from agent.core.delivery import Vendor
from agent.core.kinds import Finding
from agent.core.model import Config, Trigger
from agent.core.problems import Severity
from agent.core.schema_errors import join_pointer, split_pointer, suggest
from agent.core.triggers import TriggerKind, WatchClock, WatchIngress
from agent.core.values import quoted

AUTO = "auto"
SIGNATURE = "signature"


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerRules:
    """What triggers are judged by: the kinds, the schemas' word on a merged configuration, and the known vendors."""

    kinds: Mapping[str, TriggerKind]
    check_schema: Callable[[Config], Iterable[Finding]]
    vendors: Callable[[], Mapping[str, Vendor]] = dict

    def findings(self, config: Config) -> Iterator[Finding]:
        """What is wrong with a configuration that its schema accepts; pointers start at the configuration."""
        kind = self.kinds.get(str(config["kind"]))
        if kind is None:
            yield _unknown_kind(str(config["kind"]), self.kinds)
            return
        yield from kind.check(config)
        if kind.name == "webhook" and config.get("vendor", AUTO) != AUTO:
            yield from _vendor_findings(config, self.vendors())

    def merged_findings(self, trigger: Trigger, overrides: Config) -> Iterator[Finding]:
        """What is wrong because of overrides, which no schema has seen yet; pointers start at the overrides.

        What is wrong with the trigger itself is told there; what is wrong with a field that is not overridden is told
        of all overrides together.
        """
        merged: Config = {**trigger.config, **overrides}
        if merged["kind"] != trigger.kind:
            yield _other_kind(trigger.kind)
            return
        known = set(self.findings(trigger.config))
        for finding in list(self.check_schema(merged)) or [*self.findings(merged), *self._idle(trigger, overrides)]:
            field = split_pointer(finding.pointer)[:1]
            if finding not in known:
                yield finding if field and field[0] in overrides else replace(finding, pointer="")

    def _idle(self, trigger: Trigger, overrides: Config) -> Iterator[Finding]:
        """Overrides of what all bindings share: the trigger's clock, or who may deliver to its address."""
        kind = self.kinds[trigger.kind]
        known = kind.watches(trigger.config)
        for name, value in overrides.items():
            fresh = [one for one in kind.watches({**trigger.config, name: value}) if one not in known]
            if any(isinstance(one, WatchClock | WatchIngress) for one in fresh):
                yield _shared(name)


def check_trigger(trigger: Trigger, rules: TriggerRules) -> Iterator[Finding]:
    """What is wrong with a Trigger document besides what its schema says."""
    for finding in rules.findings(trigger.config):
        yield moved(finding, "/signal")


def moved(finding: Finding, pointer: str) -> Finding:
    """A finding about a part, as one about the whole."""
    return replace(finding, pointer=f"{pointer}{finding.pointer}")


def secret_places(config: Config, names: Collection[str]) -> Iterator[tuple[str, str]]:
    """Where a configuration names these secrets; a place that cannot be told is the configuration itself."""
    fields = {
        value["secret"]: join_pointer("", name)
        for name, value in config.items()
        if isinstance(value, Mapping) and isinstance(value.get("secret"), str)
    }
    yield from ((fields.get(name, ""), name) for name in sorted(names))


def _vendor_findings(config: Config, vendors: Mapping[str, Vendor]) -> Iterator[Finding]:
    name = str(config["vendor"])
    vendor = vendors.get(name)
    if vendor is None:
        yield Finding(
            pointer="/vendor",
            code="UnknownVendor",
            expected=f"{AUTO}, or one of {', '.join(sorted(vendors))}",
            found=quoted(name),
            fix=suggest(name, [AUTO, *vendors]) or f"write `{AUTO}`, or `generic` for a sender of your own",
        )
    elif config.get("auth", SIGNATURE) == SIGNATURE and not vendor.signs:
        yield Finding(
            pointer="/auth" if "auth" in config else "/vendor",
            code="NotAvailable",
            expected=f"a way of proof that {name} has",
            found=f"`auth: {SIGNATURE}`, and {name} does not sign",
            fix="write `auth: token`, `auth: basic` or `auth: path`; until then every delivery is refused",
            severity=Severity.WARNING,
        )


def _unknown_kind(name: str, known: Iterable[str]) -> Finding:
    return Finding(
        pointer="/kind",
        code="UnknownTriggerKind",
        expected=f"one of the trigger kinds of this version: {', '.join(known)}",
        found=quoted(name),
        fix="update the agent, or use another kind",
    )


def _other_kind(kind: str) -> Finding:
    return Finding(
        pointer="/kind",
        code="Conflict",
        expected=f"fields of a {kind} trigger",
        found="another kind",
        fix="leave `kind` out, or write the trigger inline",
    )


def _shared(name: str) -> Finding:
    return Finding(
        pointer=join_pointer("", name),
        code="NotActedOn",
        expected="a field that may differ from binding to binding",
        found=f"{quoted(name)}, which all bindings of the trigger share",
        fix="make a trigger of its own, or write it inline",
        severity=Severity.WARNING,
    )


NO_RULES = TriggerRules(kinds={}, check_schema=lambda config: ())  # noqa: ARG005 - a host that knows no triggers
