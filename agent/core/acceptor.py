"""A schema as one Python function that says yes or no, some twenty times faster than jsonschema.

It knows the keywords that our schemas use and is exact for them (a property test compares it with jsonschema); for a
schema with any other keyword there is none. A no is never reported: jsonschema is asked and explains.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Accepts = Callable[[Any], bool]

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
    "null": (type(None),),
}
_ALL = (str, int, float, bool, dict, list, type(None))
_NUMBERS = _TYPES["number"]
_MAPPING_KEYWORDS = ("properties", "patternProperties", "additionalProperties")


class _Unsupported(Exception):
    """The schema says something that only jsonschema understands."""


def acceptor(schema: Mapping[str, Any]) -> Accepts | None:
    """The function for a prepared schema (no references), None where the schema needs jsonschema."""
    try:
        return _compile(schema)
    except _Unsupported:
        return None


def _compile(schema: Any) -> Accepts:
    if schema is True or schema == {}:
        return _always
    if schema is False:
        return _never
    checks: dict[type, list[Accepts]] = {one: [] for one in _allowed(schema)}
    for keyword, value in schema.items():
        if keyword not in {"type", "title", *_MAPPING_KEYWORDS}:
            _add(checks, *_keyword(keyword, value))
    if any(keyword in schema for keyword in _MAPPING_KEYWORDS):
        _add(checks, (dict,), _members(schema))
    table = {one: _all(functions) for one, functions in checks.items()}

    def accepts(value: Any) -> bool:
        check = table.get(type(value))
        return check is not None and check(value)

    return accepts


def _add(checks: dict[type, list[Accepts]], types: tuple[type, ...], check: Accepts) -> None:
    for one in types:
        if one in checks:
            checks[one].append(check)


def _allowed(schema: Mapping[str, Any]) -> tuple[type, ...]:
    names = schema.get("type")
    if names is None:
        return _ALL
    return tuple(one for name in ([names] if isinstance(names, str) else names) for one in _TYPES[name])


def _keyword(keyword: str, value: Any) -> tuple[tuple[type, ...], Accepts]:
    """The types of value that a keyword says something about, and what it says."""
    maker = _KEYWORDS.get(keyword)
    if maker is None:
        raise _Unsupported(keyword)
    return maker(value)


def _pattern(value: str) -> tuple[tuple[type, ...], Accepts]:
    search = re.compile(value).search
    return (str,), lambda text: search(text) is not None


def _items(value: Any) -> tuple[tuple[type, ...], Accepts]:
    accepts = _compile(value)
    return (list,), lambda items: all(map(accepts, items))


def _property_names(value: Any) -> tuple[tuple[type, ...], Accepts]:
    accepts = _compile(value)
    return (dict,), lambda mapping: all(map(accepts, mapping))


def _required(value: list[str]) -> tuple[tuple[type, ...], Accepts]:
    needed = frozenset(value)
    return (dict,), lambda mapping: needed <= mapping.keys()


def _dependent_required(value: Mapping[str, list[str]]) -> tuple[tuple[type, ...], Accepts]:
    pairs = [(field, frozenset(needed)) for field, needed in value.items()]
    return (dict,), lambda mapping: all(needed <= mapping.keys() for field, needed in pairs if field in mapping)


def _one_of(value: list[Any]) -> tuple[tuple[type, ...], Accepts]:
    choices = [_compile(choice) for choice in value]
    return _ALL, lambda instance: sum(accepts(instance) for accepts in choices) == 1


def _not(value: Any) -> tuple[tuple[type, ...], Accepts]:
    accepts = _compile(value)
    return _ALL, lambda instance: not accepts(instance)


def _equal_to_any(values: list[Any]) -> tuple[tuple[type, ...], Accepts]:
    if not all(value is None or isinstance(value, str | bool) for value in values):
        raise _Unsupported("enum")
    allowed = frozenset((type(value), value) for value in values)
    scalars = (str, bool, type(None))
    return _ALL, lambda instance: type(instance) in scalars and (type(instance), instance) in allowed


_KEYWORDS: dict[str, Callable[[Any], tuple[tuple[type, ...], Accepts]]] = {
    "pattern": _pattern,
    "minLength": lambda limit: ((str,), lambda text: len(text) >= limit),
    "maxLength": lambda limit: ((str,), lambda text: len(text) <= limit),
    "minimum": lambda limit: (_NUMBERS, lambda number: bool(number >= limit)),
    "maximum": lambda limit: (_NUMBERS, lambda number: bool(number <= limit)),
    "exclusiveMinimum": lambda limit: (_NUMBERS, lambda number: bool(number > limit)),
    "minItems": lambda limit: ((list,), lambda items: len(items) >= limit),
    "items": _items,
    "propertyNames": _property_names,
    "required": _required,
    "dependentRequired": _dependent_required,
    "oneOf": _one_of,
    "not": _not,
    "enum": _equal_to_any,
    "const": lambda value: _equal_to_any([value]),
}


def _members(schema: Mapping[str, Any]) -> Accepts:
    """`properties`, `patternProperties` and `additionalProperties` in one walk over the mapping."""
    patterns = [(re.compile(text).search, _compile(one)) for text, one in schema.get("patternProperties", {}).items()]
    rest = _compile(schema.get("additionalProperties", True))
    named = {}
    for name, one in schema.get("properties", {}).items():
        also = [accepts for search, accepts in patterns if search(name)]
        named[name] = _all([_compile(one), *also])

    def accepts_unnamed(key: str, value: Any) -> bool:
        matching = [accepts for search, accepts in patterns if search(key)]
        return all(accepts(value) for accepts in matching) if matching else rest(value)

    def accepts_members(mapping: dict[str, Any]) -> bool:
        for key, value in mapping.items():
            accepts = named.get(key)
            if not (accepts_unnamed(key, value) if accepts is None else accepts(value)):
                return False
        return True

    return accepts_members


def _all(functions: list[Accepts]) -> Accepts:
    if not functions:
        return _always
    if len(functions) == 1:
        return functions[0]
    return lambda value: all(function(value) for function in functions)


def _always(_value: Any) -> bool:
    return True


def _never(_value: Any) -> bool:
    return False
