from __future__ import annotations

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.acceptor import acceptor
from agent.core.schema_ready import prepared
from agent.core.schemas import DocumentValidator
from agent.schema_files import schemas

NAMES = ("agent", "registry", "settings", "source/image", "workload")
ACCEPTS = {name: acceptor(prepared(schemas()[name])) for name in NAMES}
DECIDES = {name: DocumentValidator(prepared(schemas()[name])) for name in NAMES}

ODD = st.sampled_from(
    [
        None,
        True,
        False,
        0,
        1,
        -1,
        1.0,
        0.5,
        70000,
        10**30,
        "",
        "a",
        "10s",
        "10s\n",
        "64MiB",
        "A B",
        "-",
        "x" * 5000,
        "/",
        [],
        {},
        [1],
        ["a"],
        [{}],
        {"secret": "x"},
        {"secret": 1},
        {"kind": "image"},
        {"soft": 1, "hard": 2},
        "web",
        "image",
    ]
)


def nodes(value: object, way: tuple = ()) -> list[tuple]:
    found = [way]
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        found.extend(nodes(one, (*way, key)))
    return found


def mutate(value: object, way: tuple, change: str, odd: object) -> object:
    """The value with one place in it replaced, removed, or joined by an unknown field."""
    if not way:
        return odd if change == "replace" else value
    value = copy.deepcopy(value)
    holder = value
    for key in way[:-1]:
        holder = holder[key]
    if change == "remove":
        del holder[way[-1]]
    elif change == "add" and isinstance(holder, dict):
        holder["x-mine" if odd is None else "unknown"] = odd
    else:
        holder[way[-1]] = odd
    return value


@given(st.sampled_from(NAMES), st.data())
@settings(max_examples=800, deadline=None)
def test_it_says_what_jsonschema_says(name, data):
    value = data.draw(st.sampled_from(schemas()[name]["examples"]))
    for _ in range(data.draw(st.integers(1, 3))):
        way = data.draw(st.sampled_from(nodes(value)))
        value = mutate(value, way, data.draw(st.sampled_from(["replace", "remove", "add"])), data.draw(ODD))
    assert ACCEPTS[name](value) == DECIDES[name].is_valid(value)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "minLength": 2, "maxLength": 3, "pattern": "^a"},
        {"type": ["integer", "null"], "minimum": 0, "maximum": 10},
        {"type": "number", "exclusiveMinimum": 0},
        {"enum": ["a", True, None]},
        {"const": "a"},
        {"const": False},
        {"not": {"const": True}},
        {"type": "array", "items": {"type": "integer"}, "minItems": 1},
        {"oneOf": [{"required": ["a"]}, {"required": ["b"]}]},
        {"properties": {"x-a": {"type": "string"}}, "patternProperties": {"^x-": {"maxLength": 1}}},
        {"patternProperties": {"^x-": {"type": "string"}}, "additionalProperties": False},
        {"additionalProperties": {"type": "integer"}},
        {"propertyNames": {"pattern": "^[a-z]$"}},
        {"dependentRequired": {"a": ["b"]}},
        {"properties": {"a": False, "b": True}},
        {},
    ],
)
@given(
    value=st.recursive(
        st.sampled_from([None, True, False, 0, 1, 1.0, 0.5, -1, 11, "", "a", "ab", "abcd", "b"]),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a", "b", "x-a", "x-b"]), inner),
        max_leaves=4,
    )
)
@settings(max_examples=60, deadline=None)
def test_each_keyword_means_what_jsonschema_means(schema, value):
    assert acceptor(schema)(value) == DocumentValidator(schema).is_valid(value)


@pytest.mark.parametrize("schema", [{"uniqueItems": True}, {"items": {"if": {}}}, {"enum": [1]}, {"const": {}}])
def test_what_it_does_not_know_is_left_to_jsonschema(schema):
    assert acceptor(schema) is None
