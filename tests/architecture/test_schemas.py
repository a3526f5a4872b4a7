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


def kinds_in(package_name: str) -> list[str]:
    """The names of the kinds in a package, each the `KIND` of one module."""
    names = sorted(path.stem for path in (AGENT / package_name).glob("*.py"))
    modules = [importlib.import_module(f"agent.{package_name}.{name}") for name in names]
    return sorted(module.KIND.name for module in modules if hasattr(module, "KIND"))


def schemas_in(folder_name: str) -> list[str]:
    return sorted(path.name.removesuffix(".schema.json") for path in (SCHEMAS / folder_name).glob("*.schema.json"))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_each_kind_of_document_has_one_schema(name):
    assert (SCHEMAS / f"{name}.schema.json").is_file()


def test_each_source_kind_has_one_schema_and_each_schema_one_kind():
    assert kinds_in("sources") == schemas_in("source")
    assert "image" in schemas_in("source")


def test_each_trigger_kind_has_one_schema_and_each_schema_one_kind():
    assert kinds_in("triggers") == schemas_in("trigger")
    assert schemas_in("trigger") == ["git", "log_scan", "manual", "registry", "schedule", "webhook"]


@pytest.mark.parametrize("kind", schemas_in("trigger"))
def test_a_trigger_schema_knows_the_kind_that_it_is_of(kind):
    """It is asked about signals, inline triggers and merged configurations alike, all of which carry `kind`."""
    schema = load(SCHEMAS / "trigger" / f"{kind}.schema.json")
    assert schema["properties"]["kind"]["const"] == kind
    assert "kind" in schema["required"]
    assert schema["additionalProperties"] is False


def test_editors_are_led_to_each_trigger_kind():
    choices = load(SCHEMAS / "trigger.schema.json")["properties"]["signal"]["allOf"]
    assert [one["then"]["$ref"] for one in choices] == [f"trigger/{kind}.schema.json" for kind in schemas_in("trigger")]


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
