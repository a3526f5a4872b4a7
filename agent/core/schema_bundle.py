"""A schema in one piece, for printing and for editors: what lies in other files is put inside."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Schema = Mapping[str, Any]

SOURCE = "source/"
FIELDS = {"workload": ("source", SOURCE), "trigger": ("signal", "trigger/")}
"""Schemas with a field whose own fields depend on its `kind`: that field, and the folder of the kinds' schemas."""

_LOCAL = "#/$defs/"


def find_schema(schemas: Mapping[str, Schema], word: str) -> str | None:
    """The name of the schema that a person means by `Workload`, `event trigger`, `image` or `source/image`."""
    known = word.strip().lower().replace("-", "_").replace(" ", "_")
    folded = {name.replace("_", ""): name for name in schemas}
    kinds = (f"{folder}{known}" for _, folder in FIELDS.values())
    names = (known, *kinds, folded.get(known.replace("_", "")))
    return next((name for name in names if name in schemas), None)


def bundle(schemas: Mapping[str, Schema], name: str) -> dict[str, Any]:
    """The schema of that name without references to other files; a workload's lists every source kind there is."""
    schema = dict(schemas[name])
    if name not in FIELDS:
        return schema
    field, folder = FIELDS[name]
    word = folder.removesuffix("/")
    kinds = kinds_below(schemas, folder)
    definitions = dict(schema.get("$defs", {}))
    for kind in kinds:
        prefix = f"{word}-{kind}"
        inner_schema = {
            key: value for key, value in schemas[f"{folder}{kind}"].items() if key not in {"$schema", "$id"}
        }
        for inner, definition in inner_schema.pop("$defs", {}).items():
            definitions[f"{prefix}-{inner}"] = _renamed(definition, prefix)
        definitions[prefix] = _renamed(inner_schema, prefix)
    choices = kind_choices(word, kinds, lambda kind: f"{_LOCAL}{word}-{kind}")
    properties = {**schema["properties"], field: {**schema["properties"][field], "allOf": choices}}
    return {**schema, "properties": properties, "$defs": definitions}


def kinds_below(schemas: Mapping[str, Schema], folder: str) -> tuple[str, ...]:
    """The kinds that have a schema in a folder such as `source/`."""
    return tuple(sorted(name.removeprefix(folder) for name in schemas if name.startswith(folder)))


def kind_choices(word: str, kinds: tuple[str, ...], reference: Callable[[str], str]) -> list[dict[str, Any]]:
    """What tells an editor which fields a source or trigger has: one choice for each kind."""
    return [
        {
            "if": {"properties": {"kind": {"const": kind, "description": f"Chooses the {kind} {word}."}}},
            "then": {"$ref": reference(kind)},
        }
        for kind in kinds
    ]


def with_choices(schemas: Mapping[str, Schema], name: str, ending: str) -> dict[str, Any]:
    """The schema, leading editors to the file of each kind there is; `ending` is that of the files."""
    field, folder = FIELDS[name]
    kinds = kinds_below(schemas, folder)
    choices = kind_choices(folder.removesuffix("/"), kinds, lambda kind: f"{folder}{kind}{ending}")
    schema = dict(schemas[name])
    properties = {**schema["properties"], field: {**schema["properties"][field], "allOf": choices}}
    return {**schema, "properties": properties}


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
