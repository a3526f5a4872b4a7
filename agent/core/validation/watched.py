"""Registries that triggers name exist, and no trigger takes a name whose address means something else."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from agent.core.entries import Entry
from agent.core.kinds import Finding
from agent.core.model import Config
from agent.core.schema_errors import suggest
from agent.core.triggers import TriggerKind, WatchRegistry
from agent.core.values import quoted

TAKEN = "config"
"""The last part of the address at which the config repository itself is told of."""


def check_watched(entry: Entry, kinds: Mapping[str, TriggerKind], registries: Collection[str]) -> Iterator[Finding]:
    """What is wrong with the registries that one document's triggers name; `registries` are those there are."""
    if entry.trigger is not None:
        yield from _unknown(entry.trigger.config, "/signal", kinds, registries)
        if entry.trigger.name == TAKEN:
            yield Finding(
                pointer="/name",
                code="ReservedName",
                expected=f"another name than `{TAKEN}`",
                found=quoted(TAKEN),
                fix=f"rename it: /webhook/{TAKEN} tells of the config repository itself",
            )
    if entry.workload is not None:
        for bound in entry.joined[1].bounds:
            binding = entry.workload.triggers[bound.number]
            place = f"/triggers/{bound.number}"
            if binding.inline is not None:
                yield from _unknown(bound.config, place, kinds, registries)
            elif "registry" in binding.with_:
                yield from _unknown(bound.config, f"{place}/with", kinds, registries)


def _unknown(
    config: Config, pointer: str, kinds: Mapping[str, TriggerKind], registries: Collection[str]
) -> Iterator[Finding]:
    kind = kinds.get(str(config.get("kind")))
    for watch in kind.watches(config) if kind is not None else ():
        if isinstance(watch, WatchRegistry) and watch.registry is not None and watch.registry not in registries:
            yield Finding(
                pointer=f"{pointer}/registry",
                code="UnknownRegistry",
                expected="the name of a Registry document",
                found=quoted(watch.registry),
                fix=suggest(watch.registry, registries) or f"add registries/{watch.registry}.yaml, or remove the field",
            )
