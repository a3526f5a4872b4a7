"""Documents against their schemas. jsonschema decides; this module prepares the schemas and says errors in words.

The schema of a document is found by its `kind`, that of a source by `source.kind` among all `source/<kind>` schemas
given, and that of a trigger likewise, so that a new kind is only a new file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from jsonschema import Draft202012Validator, validators

from agent.core.acceptor import acceptor
from agent.core.kinds import Finding
from agent.core.schema_errors import findings_of, join_pointer, suggest, unknown_field
from agent.core.schema_ready import prepared, without
from agent.core.values import quoted

FORMAT_VERSION = "1"
"""Grows when what is cached of a document changes its meaning without a schema changing."""

MAX_FINDINGS = 50
DOCUMENT_SCHEMAS = {"Workload": "workload", "Trigger": "trigger", "Registry": "registry", "Settings": "settings"}
LATER_KINDS = {"LogRule": "log_rule", "EventTrigger": "event_trigger"}
KINDS = (*DOCUMENT_SCHEMAS, *LATER_KINDS)
OTHER_KINDS = frozenset(KINDS) - {"Workload"}
"""A document of any other kind is a workload, or may have been meant to be one."""

BINDING_FIELDS = ("trigger", "order", "enabled", "action", "with", "run")
"""What a binding is made of; every other field belongs to an inline trigger."""

Schema = Mapping[str, Any]

DocumentValidator: Any = validators.extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine("integer", lambda _checker, value: type(value) is int),
)
"""jsonschema, except that `8080.0` is no whole number: what is built from it would differ from what was written."""


class Schemas:
    """All schemas, compiled. `version` changes whenever a document could be judged, or told about, differently.

    `code` is the version of the program, whose words are kept with what it judged.
    """

    def __init__(self, schemas: Mapping[str, Schema], code: str = "") -> None:
        text = json.dumps([FORMAT_VERSION, code, schemas], sort_keys=True)
        self.version = hashlib.sha256(text.encode()).hexdigest()[:12]
        self.published = schemas
        ready = {name: prepared(schema) for name, schema in schemas.items()}
        self._sources = {name: _Compiled(schema) for name, schema in _below(ready, "source/").items()}
        self._partial_sources = {
            name: _Compiled(without(schema, "required")) for name, schema in _below(ready, "source/").items()
        }
        self._triggers = {name: _Compiled(schema) for name, schema in _below(ready, "trigger/").items()}
        self._documents = {name: _Compiled(schema) for name, schema in ready.items()}

    @property
    def source_kinds(self) -> tuple[str, ...]:
        return tuple(self._sources)

    def check(self, name: str, value: object) -> tuple[Finding, ...]:
        """Findings of one value against the schema of that name, such as `agent`."""
        return _limited(self._documents[name].findings(value))

    def check_document(self, document: Mapping[str, Any]) -> tuple[Finding, ...]:
        """Findings of one document of the config repository, by its kind."""
        kind = document.get("kind")
        if not isinstance(kind, str) or kind not in KINDS:
            return (_unknown_kind(kind, present="kind" in document),)
        if kind in LATER_KINDS:
            return tuple(self._documents["registry"].property_findings("name", document))
        findings = list(self._documents[DOCUMENT_SCHEMAS[kind]].findings(document))
        if kind == "Workload":
            findings.extend(self._source_findings(document.get("source")))
            findings.extend(self._binding_findings(document.get("triggers")))
        if kind == "Trigger":
            findings.extend(self.trigger_findings(document.get("signal"), "/signal"))
        if kind == "Settings":
            findings.extend(self._default_findings(document.get("defaults")))
        return _limited(findings)

    def _source_findings(self, source: object) -> Iterable[Finding]:
        if not isinstance(source, dict) or not isinstance(kind := source.get("kind"), str):
            return ()
        compiled = self._sources.get(kind)
        if compiled is None:
            return (self._unknown_source(kind, "/source/kind"),)
        return compiled.findings(source, "/source")

    def trigger_findings(self, signal: object, pointer: str = "") -> Iterable[Finding]:
        """Findings of a trigger's own fields, `kind` among them, against the schema of that kind."""
        if not isinstance(signal, dict) or not isinstance(kind := signal.get("kind"), str):
            return ()
        compiled = self._triggers.get(kind)
        if compiled is None:
            return (_unknown_trigger(kind, join_pointer(pointer, "kind"), self._triggers),)
        return compiled.findings(signal, pointer)

    def _binding_findings(self, bindings: object) -> Iterator[Finding]:
        for index, binding in enumerate(bindings if isinstance(bindings, list) else ()):
            if isinstance(binding, dict):
                yield from self._one_binding(binding, f"/triggers/{index}")

    def _one_binding(self, binding: Mapping[str, Any], pointer: str) -> Iterable[Finding]:
        """An inline trigger is judged by its kind's schema; a binding by name has no fields but its own."""
        inline = {key: value for key, value in binding.items() if key not in BINDING_FIELDS}
        if "trigger" in binding:
            fields = (key for key in inline if not key.startswith("x-") and key != "kind")
            return [self._beside_trigger(join_pointer(pointer, key), key) for key in fields]
        if "with" in binding:
            fix = "write the fields of an inline trigger beside its `kind`"
            place = join_pointer(pointer, "with")
            return (
                Finding(
                    pointer=place,
                    code="UnknownField",
                    expected="`with` beside `trigger`",
                    found="`with` beside `kind`",
                    fix=fix,
                ),
            )
        return self.trigger_findings(inline, pointer)

    def _beside_trigger(self, pointer: str, field: str) -> Finding:
        """The finding about a field beside `trigger` that is none of a binding's."""
        found = unknown_field(pointer, field, BINDING_FIELDS)
        known = any(field in schema.get("properties", {}) for schema in _below(self.published, "trigger/").values())
        return replace(found, fix="move it below `with`") if known else found

    def _default_findings(self, defaults: object) -> Iterator[Finding]:
        sources = defaults.get("source") if isinstance(defaults, dict) else None
        for kind, fields in sources.items() if isinstance(sources, dict) else ():
            pointer = join_pointer("/defaults/source", kind)
            compiled = self._partial_sources.get(kind)
            if compiled is None:
                yield self._unknown_source(kind, pointer)
            else:
                yield from compiled.findings(fields, pointer)

    def _unknown_source(self, kind: str, pointer: str) -> Finding:
        return _unknown(("UnknownSourceKind", "source kinds"), kind, pointer, self.source_kinds)


class _Compiled:
    """One schema, ready to run."""

    def __init__(self, schema: Schema) -> None:
        self._accepts = acceptor(schema)
        self._validator = DocumentValidator(schema)
        self._schema = schema

    def findings(self, value: object, pointer: str = "") -> list[Finding]:
        found: list[Finding] = []
        if self._accepts is not None and self._accepts(value):
            return found
        for error in self._validator.iter_errors(value):
            found.extend(findings_of(error, pointer))
            if len(found) > MAX_FINDINGS:
                break
        return found

    def property_findings(self, name: str, document: Mapping[str, Any]) -> list[Finding]:
        """Findings about one required property only."""
        schema = {"type": "object", "properties": {name: self._schema["properties"][name]}, "required": [name]}
        return _Compiled(schema).findings(document)


def _unknown_trigger(kind: str, pointer: str, known: Iterable[str]) -> Finding:
    return _unknown(("UnknownTriggerKind", "trigger kinds"), kind, pointer, tuple(known))


def _unknown(what: tuple[str, str], kind: str, pointer: str, known: tuple[str, ...]) -> Finding:
    return Finding(
        pointer=pointer,
        code=what[0],
        expected=f"one of the {what[1]} of this version: {', '.join(known)}",
        found=quoted(kind),
        fix=suggest(kind, known) or "write one of them, or update Pierhead",
    )


def _below(schemas: Mapping[str, Schema], prefix: str) -> dict[str, Schema]:
    """The schemas of one folder, by the name that is left."""
    return {name.removeprefix(prefix): schema for name, schema in schemas.items() if name.startswith(prefix)}


def _limited(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(findings)[:MAX_FINDINGS]


def _unknown_kind(kind: object, *, present: bool) -> Finding:
    text = kind if isinstance(kind, str) else ""
    found = quoted(str(kind)) if present else "no `kind`"
    fix = suggest(text, KINDS) or "begin the document with `kind: Workload`"
    return Finding(
        pointer="/kind" if present else "",
        code="UnknownKind",
        expected=f"one of {', '.join(KINDS)}",
        found=found,
        fix=fix,
    )
