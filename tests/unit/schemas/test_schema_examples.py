from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator
from support.documents import ALL_SCHEMAS

from agent.core.acceptor import acceptor
from agent.core.schema_bundle import bundle, find_schema, with_choices
from agent.core.schema_ready import prepared
from agent.core.schemas import Schemas
from agent.schema_files import read_schemas, schema_folder, schemas

TRIGGERS = [name for name in schemas() if name.startswith("trigger/")]
EXAMPLES = [
    pytest.param(name, example, id=f"{name}-{number}")
    for name, schema in schemas().items()
    for number, example in enumerate(schema["examples"])
]
DOCUMENTS = {"workload", "trigger", "registry", "settings"}


@pytest.mark.parametrize("name", schemas())
def test_every_schema_is_valid_json_schema(name):
    Draft202012Validator.check_schema(schemas()[name])


@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_every_example_is_accepted(name, example):
    assert ALL_SCHEMAS.check(name, example) == ()
    if name in DOCUMENTS:
        assert ALL_SCHEMAS.check_document(example) == ()


@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_every_example_is_accepted_by_the_schema_that_is_printed(name, example):
    Draft202012Validator(bundle(schemas(), name)).validate(example)


@pytest.mark.parametrize("name", ["agent", "registry", "settings", "source/image", "trigger", *TRIGGERS, "workload"])
def test_the_examples_of_a_schema_show_every_field(name):
    shown = set().union(*schemas()[name]["examples"])
    assert set(schemas()[name]["properties"]) - shown == set()


@pytest.mark.parametrize("name", schemas())
def test_the_printed_schema_refers_to_no_other_file(name):
    references = [line for line in json.dumps(bundle(schemas(), name), indent=0).splitlines() if '"$ref"' in line]
    assert [line for line in references if '"#/$defs/' not in line] == []


def test_the_printed_workload_schema_knows_the_fields_of_a_source():
    validator = Draft202012Validator(bundle(schemas(), "workload"))
    wrong = {"kind": "Workload", "name": "web", "source": {"kind": "image", "image": "x", "prot": 1}}
    assert "prot" in next(validator.iter_errors(wrong)).message


@pytest.mark.parametrize("name", ["agent", "registry", "settings", "source/image", "trigger", *TRIGGERS, "workload"])
def test_what_people_write_is_checked_without_jsonschema_where_it_is_right(name):
    assert acceptor(prepared(schemas()[name])) is not None


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("Trigger", "trigger"),
        ("git", "trigger/git"),
        ("Workload", "workload"),
        ("image", "source/image"),
        ("source/image", "source/image"),
        ("agent", "agent"),
    ],
)
def test_a_schema_is_found_by_what_people_call_it(word, name):
    assert find_schema(schemas(), word) == name


def test_an_unknown_schema_is_not_found():
    assert find_schema(schemas(), "nothing") is None


def test_the_schemas_of_a_checkout_are_those_of_its_folder():
    assert read_schemas(schema_folder()) == schemas()
    assert schema_folder().name == "schemas"


def test_a_new_source_kind_is_one_new_file(tmp_path):
    for folder in ("source", "trigger"):
        (tmp_path / folder).mkdir()
    for name, schema in schemas().items():
        (tmp_path / f"{name}.schema.json").write_text(json.dumps(schema), encoding="utf-8")
    new = {"title": "Echo", "type": "object", "properties": {"kind": {}, "say": {"type": "string"}}}
    new |= {"required": ["say"], "additionalProperties": False}
    (tmp_path / "source" / "echo.schema.json").write_text(json.dumps(new), encoding="utf-8")
    known = read_schemas(tmp_path)
    judged = Schemas(known)
    document = {"kind": "Workload", "name": "web", "source": {"kind": "echo", "say": "hello"}}
    assert judged.source_kinds == ("echo", "image")
    assert judged.check_document(document) == ()
    assert [one.pointer for one in judged.check_document(document | {"source": {"kind": "echo"}})] == ["/source"]
    Draft202012Validator(bundle(known, "workload")).validate(document)


def test_a_new_trigger_kind_is_one_new_file(tmp_path):
    for folder in ("source", "trigger"):
        (tmp_path / folder).mkdir()
    for name, schema in schemas().items():
        (tmp_path / f"{name}.schema.json").write_text(json.dumps(schema), encoding="utf-8")
    new = {"title": "Tide", "type": "object", "properties": {"kind": {"const": "tide"}, "port": {"type": "string"}}}
    new |= {"required": ["kind", "port"], "additionalProperties": False}
    (tmp_path / "trigger" / "tide.schema.json").write_text(json.dumps(new), encoding="utf-8")
    known = read_schemas(tmp_path)
    judged = Schemas(known)
    document = {"kind": "Trigger", "name": "high", "signal": {"kind": "tide", "port": "Brest"}}
    assert judged.check_document(document) == ()
    assert list(judged.trigger_findings(document["signal"])) == []
    assert [one.pointer for one in judged.check_document(document | {"signal": {"kind": "tide"}})] == ["/signal"]
    Draft202012Validator(bundle(known, "trigger")).validate(document)


@pytest.mark.parametrize(("signal", "fits"), [({"kind": "manual"}, True), ({"kind": "manual", "cron": "a"}, False)])
def test_the_printed_trigger_schema_knows_the_fields_of_a_signal(signal, fits):
    validator = Draft202012Validator(bundle(schemas(), "trigger"))
    assert validator.is_valid({"kind": "Trigger", "name": "a", "signal": signal}) == fits


@pytest.mark.parametrize(
    ("name", "field", "folder"), [("workload", "source", "source/"), ("trigger", "signal", "trigger/")]
)
def test_the_files_lead_editors_to_each_kind_there_is(name, field, folder):
    kinds = [one.removeprefix(folder) for one in schemas() if one.startswith(folder)]
    choices = with_choices(schemas(), name, ".schema.json")["properties"][field]["allOf"]
    assert [one["if"]["properties"]["kind"]["const"] for one in choices] == sorted(kinds)
    assert with_choices(schemas(), name, ".schema.json") == schemas()[name]


@pytest.mark.parametrize("signal", [None, "manual", [], {}, {"kind": 1}])
def test_what_names_no_kind_is_left_to_the_schema_of_the_document(signal):
    assert list(ALL_SCHEMAS.trigger_findings(signal)) == []


def test_the_version_changes_with_any_schema():
    changed = {name: dict(schema) for name, schema in schemas().items()}
    changed["registry"]["required"] = ["kind"]
    assert Schemas(changed).version != ALL_SCHEMAS.version
    assert Schemas(schemas()).version == ALL_SCHEMAS.version
