"""A schema made ready to be run, once, at the start: references put in place, prose taken out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]

CHOICES = ("source", "signal")
"""Fields whose own fields depend on their `kind`."""

_PROSE = frozenset(("$schema", "$id", "$defs", "description", "default", "examples"))


def prepared(schema: Schema) -> Schema:
    """A schema as it is run: references put in place, prose taken out."""
    return _open_source(_prepare(schema, schema.get("$defs", {})))


def _prepare(schema: Any, definitions: Mapping[str, Any]) -> Any:
    """The schema without references and prose, with patterns that mean in Python what they mean in JSON Schema."""
    if isinstance(schema, list):
        return [_prepare(item, definitions) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    reference = schema.get("$ref", "")
    if reference.startswith("#/$defs/"):
        rest = {key: value for key, value in schema.items() if key != "$ref"}
        return _prepare({**definitions[reference.removeprefix("#/$defs/")], **rest}, definitions)
    ready: dict[str, Any] = {}
    for key, value in schema.items():
        if key in {"properties", "patternProperties"}:
            ready[key] = {name: _prepare(one, definitions) for name, one in value.items()}
        elif key == "pattern":
            ready[key] = _python_pattern(value)
        elif key not in _PROSE:
            ready[key] = value if key in {"enum", "const"} else _prepare(value, definitions)
    return ready


def _python_pattern(pattern: str) -> str:
    r"""In Python `$` also matches before a line break at the end, in JSON Schema it does not."""
    return f"{pattern[:-1]}\\Z" if pattern.endswith("$") else pattern


def without(schema: Schema, keyword: str) -> Schema:
    """The schema less one keyword."""
    return {key: value for key, value in schema.items() if key != keyword}


def _open_source(schema: Schema) -> Schema:
    """The schema without its list of kinds, which serves editors only."""
    properties = schema.get("properties", {})
    opened = {name: without(properties[name], "allOf") for name in CHOICES if name in properties}
    return {**schema, "properties": {**properties, **opened}} if opened else schema
