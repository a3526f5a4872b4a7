from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.project import AGENT, SCHEMAS, name_of

EVERY_SCHEMA = sorted(SCHEMAS.rglob("*.schema.json"))
DOCUMENTS = ("workload", "trigger", "registry", "settings", "agent", "status", "event", "delivery")
SUBSCHEMAS = ("properties", "$defs", "patternProperties", "dependentSchemas")


def load(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def properties(schema: object, place: str = "") -> Iterator[tuple[str, dict]]:
    """Every property of a schema with the place where it stands, at any depth."""
    if isinstance(schema, list):
        for index, one in enumerate(schema):
            yield from properties(one, f"{place}/{index}")
    if not isinstance(schema, dict):
        return
    for key, value in schema.items():
        if key in {"examples", "default", "const", "enum"}:
            continue
        if key == "properties":
            yield from ((f"{place}/{name}", one) for name, one in value.items())
        yield from properties(value, f"{place}/{key}")


def source_kinds() -> list[str]:
    names = (path.stem for path in (AGENT / "sources").glob("*.py"))
    return [name for name in sorted(names) if hasattr(importlib.import_module(f"agent.sources.{name}"), "KIND")]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_each_kind_of_document_has_one_schema(name):
    assert (SCHEMAS / f"{name}.schema.json").is_file()


def test_each_source_kind_has_one_schema_and_each_schema_one_kind():
    kinds = [importlib.import_module(f"agent.sources.{name}").KIND.name for name in source_kinds()]
    schemas = sorted(path.name.removesuffix(".schema.json") for path in (SCHEMAS / "source").glob("*.schema.json"))
    assert sorted(kinds) == schemas
    assert "image" in kinds


@pytest.mark.parametrize("path", EVERY_SCHEMA, ids=name_of)
def test_every_property_says_what_it_is_for(path):
    silent = [
        place
        for place, one in properties(load(path))
        if isinstance(one, dict) and not one.get("description", "").strip()
    ]
    assert silent == []


@pytest.mark.parametrize("path", EVERY_SCHEMA, ids=name_of)
def test_every_schema_has_a_title_and_examples(path):
    schema = load(path)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema.get("title")
    assert schema.get("examples")
