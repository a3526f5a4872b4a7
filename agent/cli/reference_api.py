"""The reference page of the HTTP interface, from its OpenAPI description."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from agent.web.openapi import description

Part = Mapping[str, Any]


def api_page() -> str:
    """The page in Markdown."""
    document = description("")
    lines = ["# Page, API and webhook", "", document["info"]["description"], ""]
    lines += ["An agent describes itself at `/api/v1/openapi.json` (OpenAPI 3.1).", ""]
    for tag in document["tags"]:
        lines += [f"## {tag['name'].capitalize()}", "", tag["description"], ""]
        for path, item in document["paths"].items():
            for method, operation in item.items():
                if tag["name"] in operation["tags"]:
                    lines += _operation(f"{method.upper()} {path}", operation, document)
    return "\n".join([*lines, *_shapes(document)])


def _operation(title: str, operation: Part, document: Part) -> Iterator[str]:
    yield from (f"### `{title}`", "", f"{operation['summary']}.", "")
    if "description" in operation:
        yield from (operation["description"], "")
    if "parameters" in operation:
        yield from ("| parameter | in | values | meaning |", "|---|---|---|---|")
        for one in operation["parameters"]:
            yield f"| `{one['name']}` | {one['in']} | {_values(one['schema'])} | {one['description']} |"
        yield ""
    yield from ("| answer | when | body |", "|---|---|---|")
    for code, answer in sorted(operation["responses"].items()):
        resolved = _resolved(answer, document)
        yield f"| {code} | {resolved['description']} | {_body(resolved)} |"
    yield ""


def _resolved(answer: Part, document: Part) -> Part:
    name = answer.get("$ref", "").rpartition("/")[2]
    found: Part = document["components"]["responses"][name] if name else answer
    return found


def _values(schema: Part) -> str:
    """What a parameter may be, in words."""
    if "enum" in schema:
        words = ", ".join(f"`{one}`" for one in schema["enum"])
    elif schema["type"] == "integer":
        words = f"{schema['minimum']} to {schema['maximum']}"
    else:
        words = "text"
    return words + (f"; default `{schema['default']}`" if "default" in schema else "")


def _body(answer: Part) -> str:
    return ", ".join(_one_body(kind, content["schema"]) for kind, content in answer.get("content", {}).items())


def _one_body(kind: str, schema: Part) -> str:
    name = schema.get("$ref", "").rpartition("/")[2]
    return f"[{name}](#{name.lower()})" if name else f"`{kind}`"


def _shapes(document: Part) -> Iterator[str]:
    yield from (
        "## Shapes",
        "",
        "Fields that are unknown or empty may be left out of Status, Event and their parts.",
        "",
    )
    for name, schema in sorted(document["components"]["schemas"].items()):
        yield from (f"### {name}", "", schema["description"], "", "| field | type | meaning |", "|---|---|---|")
        for field, one in schema["properties"].items():
            yield f"| `{field}` | {_type(one)} | {one.get('description', 'As below.')} |"
        yield ""


def _type(schema: Part) -> str:
    """The type of a field in words; parts that have a shape of their own are linked."""
    if "$ref" in schema:
        return _one_body("", schema)
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    others = schema.get("additionalProperties")
    if isinstance(others, Mapping):
        return f"mapping to {_type(others)}"
    if schema.get("type") == "object":
        return ", ".join(f"`{name}`" for name in schema["properties"]) if "properties" in schema else "mapping"
    kinds = schema.get("type", "text")
    words = [kinds] if isinstance(kinds, str) else list(kinds)
    return " or ".join("text" if word == "string" else word for word in words)
