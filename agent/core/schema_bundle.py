"""A schema in one piece, for printing and for editors: what lies in other files is put inside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]

SOURCE = "source/"
_LOCAL = "#/$defs/"


def find_schema(schemas: Mapping[str, Schema], word: str) -> str | None:
    """The name of the schema that a person means by `Workload`, `event trigger`, `image` or `source/image`."""
    known = word.strip().lower().replace("-", "_").replace(" ", "_")
    folded = {name.replace("_", ""): name for name in schemas}
    names = (known, f"{SOURCE}{known}", folded.get(known.replace("_", "")))
    return next((name for name in names if name in schemas), None)


def bundle(schemas: Mapping[str, Schema], name: str) -> dict[str, Any]:
    """The schema of that name without references to other files; a workload's lists every source kind there is."""
    schema = dict(schemas[name])
    if name != "workload":
        return schema
    kinds = source_kinds(schemas)
    definitions = dict(schema.get("$defs", {}))
    for kind in kinds:
        prefix = f"source-{kind}"
        source = {key: value for key, value in schemas[f"{SOURCE}{kind}"].items() if key not in {"$schema", "$id"}}
        for inner, definition in source.pop("$defs", {}).items():
            definitions[f"{prefix}-{inner}"] = _renamed(definition, prefix)
        definitions[prefix] = _renamed(source, prefix)
    choices = source_choices(kinds, lambda kind: f"{_LOCAL}source-{kind}")
    properties = {**schema["properties"], "source": {**schema["properties"]["source"], "allOf": choices}}
    return {**schema, "properties": properties, "$defs": definitions}


def source_kinds(schemas: Mapping[str, Schema]) -> tuple[str, ...]:
    """The source kinds that have a schema."""
    return tuple(sorted(name.removeprefix(SOURCE) for name in schemas if name.startswith(SOURCE)))


def source_choices(kinds: tuple[str, ...], reference: Any) -> list[dict[str, Any]]:
    """What tells an editor which fields a source has: one choice for each kind."""
    return [
        {
            "if": {"properties": {"kind": {"const": kind, "description": f"Chooses the {kind} source."}}},
            "then": {"$ref": reference(kind)},
        }
        for kind in kinds
    ]


def _renamed(schema: Any, prefix: str) -> Any:
    """The schema with its local references led to definitions that carry a prefix."""
    if isinstance(schema, list):
        return [_renamed(one, prefix) for one in schema]
    if not isinstance(schema, Mapping):
        return schema
    renamed = {key: _renamed(value, prefix) for key, value in schema.items()}
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference.startswith(_LOCAL):
        renamed["$ref"] = f"{_LOCAL}{prefix}-{reference.removeprefix(_LOCAL)}"
    return renamed
