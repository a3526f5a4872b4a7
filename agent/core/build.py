"""From a document that its schema accepts to a value of the model: defaulted, normalised, with no trace of YAML."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, TypeVar

from agent.core.advice import FORM
from agent.core.kinds import Finding, SourceKind
from agent.core.model import (
    Binding,
    Face,
    Registry,
    Release,
    RunSpec,
    SecretRef,
    Settings,
    Trigger,
    Value,
    Volume,
    Workload,
)
from agent.core.problems import Position
from agent.core.schemas import BINDING_FIELDS
from agent.core.values import InvalidValue, default_id, parse_duration, parse_publish, split_words

Raw = Mapping[str, Any]
Made = TypeVar("Made")

_MERGED_BY_KEY = frozenset(("labels", "env", "log_rules", "promotion", "update"))
_NOTHING: Raw = {}


@dataclass(slots=True)
class _Attempts:
    """Gathers what goes wrong while parts are built, so that all of it is reported at once."""

    findings: list[Finding] = field(default_factory=list)

    def make(self, pointer: str, function: Callable[..., Made], *values: Any) -> Made | None:
        try:
            return function(*values)
        except InvalidValue as error:
            where = error.pointer or pointer
            finding = Finding(
                pointer=where, code="InvalidValue", expected=error.expected, found=error.found, fix=error.fix or FORM
            )
        except ValueError as error:
            finding = Finding(
                pointer=pointer, code="InvalidValue", expected="a value that can be used", found=str(error), fix=FORM
            )
        self.findings.append(finding)
        return None

    def each(self, pointer: str, function: Callable[[Any], Made], values: Iterable[Any]) -> tuple[Made, ...]:
        made = [self.make(f"{pointer}/{index}", function, value) for index, value in enumerate(values)]
        return tuple([one for one in made if one is not None])


def with_defaults(raw: Raw, defaults: Raw) -> Raw:
    """A workload document with the repository's defaults below it."""
    if not defaults:
        return raw
    merged = {**defaults, **raw}
    for name in _MERGED_BY_KEY & defaults.keys() & raw.keys():
        merged[name] = {**defaults[name], **raw[name]}
    source = raw["source"]
    fields = defaults.get("source", _NOTHING).get(source["kind"], _NOTHING)
    merged["source"] = {**fields, **source}
    if "labels" in fields and "labels" in source:
        merged["source"]["labels"] = {**fields["labels"], **source["labels"]}
    return merged


def build_workload(raw: Raw, position: Position, kind: SourceKind) -> tuple[Workload | None, list[Finding]]:
    """The workload, None where a part of it cannot be built; then the findings say why."""
    attempts = _Attempts()
    fields: dict[str, Any] = {"source": attempts.make("/source", kind.parse, raw["source"])}
    for name, value in raw.items():
        convert = _CONVERSIONS.get(name)
        if convert is not None:
            fields[name] = convert(value)
        elif name in _PLAIN:
            fields[name] = value
    if "publish" in raw:
        fields["publish"] = attempts.each("/publish", parse_publish, raw["publish"])
    if "triggers" in raw:
        fields["triggers"] = _bindings(attempts, raw["triggers"])
    if "release" in raw:
        fields["release"] = attempts.make("/release", _release, raw["release"])
    if attempts.findings:
        return None, attempts.findings
    fields["id"] = raw.get("id") or default_id(raw["name"])
    return Workload(position=position, **fields), []


def build_registry(raw: Raw, position: Position) -> Registry:
    """The registry."""
    password = raw.get("password")
    return Registry(
        name=raw["name"],
        host=raw["host"].lower(),
        username=raw.get("username"),
        password=None if password is None else SecretRef(password["secret"]),
        insecure=raw.get("insecure", False),
        position=position,
    )


def build_trigger(raw: Raw, position: Position) -> Trigger:
    """The trigger of a document; an inline one is made where its binding is looked at."""
    signal = raw["signal"]
    return Trigger(
        name=raw["name"],
        kind=signal["kind"],
        config=signal,
        position=position,
        description=raw.get("description", ""),
    )


def build_settings(raw: Raw) -> Settings:
    """The repository's settings, without its defaults for workloads: those go into each workload."""
    defaults = Settings()
    events = raw.get("retention", _NOTHING).get("events")
    return Settings(
        default_network=raw.get("default_network", defaults.default_network),
        event_retention=defaults.event_retention if events is None else parse_duration(events),
    )


def _texts(raw: Raw) -> Mapping[str, str]:
    return {name: str(value) for name, value in raw.items()}


def _value(raw: Any) -> Value:
    return SecretRef(raw["secret"]) if isinstance(raw, dict) else str(raw)


def _volume(raw: Raw) -> Volume:
    return _same_volume(raw.get("source", ""), raw["target"], raw.get("scope", "project"), raw.get("read_only", False))


@lru_cache(maxsize=4096)
def _same_volume(source: str, target: str, scope: str, read_only: bool) -> Volume:
    """One object for all equal volumes: the same few fill a repository."""
    return Volume(source=source, target=target, scope=scope, read_only=read_only)


def _face(raw: Raw) -> Face:
    return Face(host=raw["host"].lower(), path=raw.get("path", "/"), port=raw["port"], tls=raw.get("tls", "auto"))


def _release(raw: Raw) -> Release:
    return Release(command=split_words(raw["command"]), timeout=parse_duration(raw.get("timeout", "5m")))


def _bindings(attempts: _Attempts, raws: Iterable[Raw]) -> tuple[Binding, ...]:
    return tuple([_binding(raw, _run(attempts, f"/triggers/{index}/run", raw)) for index, raw in enumerate(raws)])


def _binding(raw: Raw, run: RunSpec | None) -> Binding:
    inline = {name: value for name, value in raw.items() if name not in BINDING_FIELDS}
    return Binding(
        trigger=raw.get("trigger"),
        inline=inline if "trigger" not in raw else None,
        order=raw.get("order", 0),
        enabled=raw.get("enabled", True),
        action=raw.get("action", "deploy"),
        with_=raw.get("with", _NOTHING),
        run=run,
    )


def _run(attempts: _Attempts, pointer: str, binding: Raw) -> RunSpec | None:
    if "run" not in binding:
        return None
    raw, defaults = binding["run"], RunSpec()
    return RunSpec(
        command=attempts.make(f"{pointer}/command", split_words, raw["command"]) if "command" in raw else None,
        timeout=parse_duration(raw["timeout"]) if "timeout" in raw else defaults.timeout,
        overlap=raw.get("overlap", defaults.overlap),
        keep=raw.get("keep", defaults.keep),
    )


_PLAIN = frozenset(("name", "description", "suspend", "parent", "promotion", "on_failure", "prune", "log_rules"))
_CONVERSIONS: Mapping[str, Callable[[Any], object]] = {
    "labels": _texts,
    "hosts": tuple,
    "depends_on": tuple,
    "env": lambda raw: {name: _value(value) for name, value in raw.items()},
    "volumes": lambda raw: tuple([_volume(one) for one in raw]),
    "faces": lambda raw: tuple([_face(one) for one in raw]),
    "update": lambda raw: raw.get("via", "commit"),
    "windows": tuple,
}
