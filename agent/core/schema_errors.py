"""What jsonschema found, said for people: what was expected, what was found, how to fix it.

A schema's `title` is the noun phrase of what it accepts and is used as the expectation.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

from agent.core.advice import FORM, about_field, about_form, about_type
from agent.core.kinds import Finding
from agent.core.values import quoted

_TYPE_WORDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "object": "a mapping",
    "array": "a list",
    "null": "nothing",
}


def join_pointer(pointer: str, *parts: str | int) -> str:
    """A JSON pointer, longer by some keys or indexes."""
    escaped = (str(part).replace("~", "~0").replace("/", "~1") for part in parts)
    return "/".join((pointer, *escaped))


def split_pointer(pointer: str) -> list[str]:
    """The keys and indexes of a JSON pointer."""
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def suggest(word: str, known: Iterable[str]) -> str:
    """`did you mean …?` where a known word is close."""
    close = difflib.get_close_matches(word[:64], list(known), n=1, cutoff=0.6)
    return f"did you mean `{close[0]}`?" if close else ""


def findings_of(error: Any, base: str = "") -> Iterator[Finding]:
    """The findings that one jsonschema error stands for."""
    pointer = join_pointer(base, *error.absolute_path) if error.absolute_path else base
    about_key = "propertyNames" in list(error.absolute_schema_path)[-2:-1]
    translate = _wrong_key if about_key else _TRANSLATIONS.get(error.validator, _by_title)
    yield from translate(error, pointer)


def _found(error: Any) -> str:
    """What was written, but never text in the place of a secret or a variable: that may be the secret itself."""
    if not _private(error):
        return describe(error.instance)
    if isinstance(error.instance, dict | list):
        return describe(error.instance)
    return "something else, which is not shown as it may be secret" if error.instance is not None else "nothing"


def _private(error: Any) -> bool:
    return "secret" in error.schema.get("title", "") or "env" in list(error.absolute_path)[-1:]


def _unknown_fields(error: Any, pointer: str) -> Iterator[Finding]:
    known = list(error.schema.get("properties", {}))
    if _private(error):
        yield _finding(pointer, "UnknownField", f"only the field `{known[0]}`", "another field", "remove it")
        return
    extra = error.schema.get("patternProperties") is not None
    for field in error.instance:
        if field in known or (extra and field.startswith("x-")):
            continue
        yield unknown_field(join_pointer(pointer, field), field, known, extra=extra)


def unknown_field(pointer: str, field: str, known: Collection[str], *, extra: bool = True) -> Finding:
    """The finding about a field that is none of the known ones; `extra` where fields that begin with x- are free."""
    return Finding(
        pointer=pointer,
        code="UnknownField",
        expected=f"one of {', '.join(known)}",
        found=f"unknown field {quoted(field)}",
        fix=about_field(field, known)
        or suggest(field, known)
        or ("remove it, or begin its name with `x-`" if extra else "remove it"),
    )


def _missing_field(error: Any, pointer: str) -> Iterator[Finding]:
    field = next(name for name in error.validator_value if f"'{name}'" in error.message.split(" is a ")[0])
    wanted = error.schema.get("properties", {}).get(field, {}).get("title")
    expected = f"the field `{field}`" + (f", {wanted}" if wanted else "")
    yield _finding(pointer, "MissingField", expected, "no such field", f"add `{field}`")


def _missing_dependent(error: Any, pointer: str) -> Iterator[Finding]:
    for field, needed in error.validator_value.items():
        for other in needed if field in error.instance else ():
            if other not in error.instance:
                yield _finding(
                    pointer, "MissingField", f"`{other}` beside `{field}`", "no such field", f"add `{other}`"
                )


def _wrong_type(error: Any, pointer: str) -> Iterator[Finding]:
    if "enum" in error.schema:
        return  # that it is none of the allowed values says more
    allowed = error.validator_value if isinstance(error.validator_value, list) else [error.validator_value]
    expected = error.schema.get("title") or " or ".join(_TYPE_WORDS[one] for one in allowed)
    yield _finding(pointer, "WrongType", expected, _found(error), about_type(error.schema, error.instance, allowed))


def _not_in_list(error: Any, pointer: str) -> Iterator[Finding]:
    allowed = [str(one) for one in error.validator_value]
    expected = f"one of {', '.join(allowed)}"
    fix = suggest(error.instance, allowed) if isinstance(error.instance, str) else ""
    yield _finding(pointer, "UnknownValue", expected, _found(error), fix or "write one of them")


def _not_constant(error: Any, pointer: str) -> Iterator[Finding]:
    wanted = quoted(str(error.validator_value))
    yield _finding(pointer, "UnknownValue", wanted, _found(error), f"write {wanted}")


def _out_of_range(error: Any, pointer: str) -> Iterator[Finding]:
    words = {"minimum": "at least", "maximum": "at most", "exclusiveMinimum": "more than"}
    limit = f"a number of {words[error.validator]} {error.validator_value}"
    expected = error.schema.get("title") or limit
    yield _finding(pointer, "OutOfRange", expected, _found(error), "write a number within this limit")


def _wrong_size(error: Any, pointer: str) -> Iterator[Finding]:
    words = {"minLength": ("at least", "characters"), "maxLength": ("at most", "characters")}
    limit, unit = words.get(error.validator, ("at least", "entries"))
    expected = f"{limit} {error.validator_value} {unit}"
    fix = "shorten it" if limit == "at most" else "write more, or remove the field"
    yield _finding(pointer, "WrongLength", expected, f"{len(error.instance)} {unit}", fix)


def _not_exactly_one(error: Any, pointer: str) -> Iterator[Finding]:
    if not isinstance(error.instance, dict):
        return  # that it is no mapping says more
    fields = [choice["required"][0] for choice in error.validator_value]
    found = [quoted(field) for field in fields if field in error.instance]
    expected = f"exactly one of {', '.join(quoted(field) for field in fields)}"
    fix = "keep one of them" if found else "add one of them"
    yield _finding(pointer, "ChoiceOfFields", expected, " and ".join(found) or "none of them", fix)


def _wrong_key(error: Any, pointer: str) -> Iterator[Finding]:
    """`propertyNames`: the error is about the key itself, which jsonschema does not put into the path."""
    expected = error.schema.get("title", "another name")
    fix = about_form(error.schema, error.instance).replace(FORM, "rename it")
    yield _finding(join_pointer(pointer, error.instance), "WrongName", expected, quoted(error.instance), fix)


def _by_title(error: Any, pointer: str) -> Iterator[Finding]:
    expected = error.schema.get("title") or f"a value that fits `{error.validator}: {error.validator_value}`"
    fix = FORM if _private(error) else about_form(error.schema, error.instance)
    yield _finding(pointer, "InvalidValue", expected, _found(error), fix)


def _finding(pointer: str, code: str, expected: str, found: str, fix: str) -> Finding:
    return Finding(pointer=pointer, code=code, expected=expected, found=found, fix=fix)


def describe(value: object) -> str:
    """A value as it is shown in a message: scalars as written in YAML, collections by their type."""
    if isinstance(value, str):
        return quoted(value) if value else "empty text"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if value is None or isinstance(value, bool):
        return "nothing" if value is None else quoted(json.dumps(value))
    return f"the number {json.dumps(value)}"


_TRANSLATIONS: dict[str, Callable[[Any, str], Iterator[Finding]]] = {
    "additionalProperties": _unknown_fields,
    "required": _missing_field,
    "dependentRequired": _missing_dependent,
    "type": _wrong_type,
    "enum": _not_in_list,
    "const": _not_constant,
    "minimum": _out_of_range,
    "maximum": _out_of_range,
    "exclusiveMinimum": _out_of_range,
    "minLength": _wrong_size,
    "maxLength": _wrong_size,
    "minItems": _wrong_size,
    "oneOf": _not_exactly_one,
}
