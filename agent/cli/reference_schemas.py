"""One reference page from one schema: a table of fields with type, default and description, and the examples."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from typing import Any

from ruamel.yaml import YAML

Schema = Mapping[str, Any]

_WORDS = {"object": "mapping", "array": "list", "string": "text"}
_RECORDS = frozenset(("status", "event", "delivery"))
"""What the agent writes as JSON, and nobody as YAML."""


def page_name(schema_name: str) -> str:
    """The page of a schema: `source/image` is on `source-image.md`."""
    return schema_name.replace("/", "-")


def schema_page(name: str, schema: Schema) -> str:
    """The page in Markdown."""
    parts = [f"# {schema['title']}", "", schema["description"], ""]
    parts += [f"Schema: [`schemas/{name}.schema.json`](../../schemas/{name}.schema.json)", "", "## Fields", ""]
    parts += ["| field | type | default | description |", "|---|---|---|---|"]
    parts += [_row(*field) for field in _fields(schema, schema, "")]
    parts += ["", "## Examples", ""]
    for example in schema["examples"]:
        parts += _example(name, example)
    return "\n".join(parts)


def _fields(schema: Schema, root: Schema, prefix: str) -> Iterator[tuple[str, Schema, bool]]:
    """Every field at any depth: dotted name, schema, and whether it is required."""
    required = schema.get("required", ())
    for name, raw in schema.get("properties", {}).items():
        field = _resolved(raw, root)
        yield f"{prefix}{name}", field, name in required
        if not _is_secret(field):
            yield from _inner(field, root, f"{prefix}{name}")


def _inner(field: Schema, root: Schema, name: str) -> Iterator[tuple[str, Schema, bool]]:
    yield from _fields(field, root, f"{name}.")
    if isinstance(field.get("items"), Mapping):
        items = _resolved(field["items"], root)
        yield from _fields(items, root, f"{name}[].")
    others = field.get("additionalProperties")
    if isinstance(others, Mapping):
        yield from _fields(_resolved(others, root), root, f"{name}.*.")


def _resolved(schema: Schema, root: Schema) -> Schema:
    reference = schema.get("$ref", "")
    if not reference.startswith("#/$defs/"):
        return schema
    return {**root["$defs"][reference.removeprefix("#/$defs/")], **schema}


def _is_secret(field: Schema) -> bool:
    return list(field.get("properties", ())) == ["secret"] and field.get("type") == "object"


def _row(name: str, field: Schema, required: bool) -> str:
    default = "required" if required else _default(field)
    return f"| `{name}` | {_cell(_type(field))} | {default} | {_cell(_description(field))} |"


def _default(field: Schema) -> str:
    if "default" not in field:
        return ""
    return f"`{json.dumps(field['default'], ensure_ascii=False)}`".replace("|", "\\|")


def _type(field: Schema) -> str:
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if "title" in field:
        return str(field["title"])
    types = field.get("type", ())
    names = [types] if isinstance(types, str) else list(types)
    return " or ".join(_WORDS.get(one, one) for one in names)


def _description(field: Schema) -> str:
    return str(field.get("description", ""))


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _example(name: str, example: object) -> list[str]:
    if name in _RECORDS:
        return ["```json", json.dumps(example, indent=2, ensure_ascii=False), "```", ""]
    writer = YAML()
    writer.default_flow_style = False
    writer.indent(mapping=2, sequence=4, offset=2)
    text = io.StringIO()
    writer.dump(example, text)
    return ["```yaml", text.getvalue().rstrip("\n"), "```", ""]
