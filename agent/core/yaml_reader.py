"""Bytes of YAML to plain values. No bytes whatsoever make this module raise.

Values are what JSON knows: mappings with text keys, lists, text, numbers, booleans and null. Only what JSON would read
as a number is one, so `no`, `22:22` and `0644` stay text. Events of the parser are turned into values directly, which
is faster than ruamel's constructor and lets every limit act before memory is spent.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
)
from ruamel.yaml.reader import ReaderError

from agent.core.flaws import Flaw, yaml_flaw
from agent.core.tree import MAX_BYTES
from agent.core.values import quoted
from agent.core.yaml_events import (
    NextEvent,
    exact_events,
    fast_events,
    place_at,
    place_of,
    syntax_flaw,
    unreadable,
    worth_exact_reading,
)

SPLIT = "split the file; one file a workload is usual"
MAX_DEPTH = 64
MAX_NODES = 100_000
_TOP = 2
_ANCHOR = "define it with `&` further up in the same document"
_MERGE = "write the alias of a mapping, such as `<<: *base`"

_CONSTANTS: dict[str, object] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_NUMBER_START = frozenset("-0123456789")
_CONSTANT_START = frozenset("~nNtTfF")
_TAG = "tag:yaml.org,2002:"
_TAG_TYPES: dict[str, type | tuple[type, ...]] = {
    f"{_TAG}int": int,
    f"{_TAG}float": (int, float),
    f"{_TAG}bool": bool,
    f"{_TAG}null": type(None),
    f"{_TAG}map": dict,
    f"{_TAG}seq": list,
}
_TEXT_TAGS = frozenset(("!", f"{_TAG}str"))


@dataclass(slots=True)
class RawDocument:
    """One YAML document: its value, where it begins (from 1), and what is wrong with it as YAML.

    `places` holds line and column of each key at its top level, in their order; merged keys follow and have none.
    """

    value: object
    line: int
    column: int
    places: list[int]
    flaws: list[Flaw] = field(default_factory=list)


def read_yaml(data: bytes) -> tuple[list[RawDocument], Flaw | None]:
    """All documents up to the first place that cannot be read at all, and the flaw found there."""
    if len(data) > MAX_BYTES:
        return [], yaml_flaw((1, 1), "FileTooLarge", "a file of at most 1 MiB", f"{len(data)} bytes", SPLIT)
    try:
        data.decode()
    except UnicodeDecodeError as error:
        place = place_at(data, error.start)
        found = f"byte 0x{data[error.start]:02x}"
        return [], yaml_flaw(place, "NotUtf8", "text in UTF-8", found, "save the file in UTF-8")
    reader = _Reader(data)
    flaw = reader.read(fast_events)
    if worth_exact_reading(flaw, data):
        exact = _Reader(data)
        # The exact parser may raise nearly anything on strange text; then what the other one said stands.
        with suppress(Exception):
            return exact.documents, exact.read(exact_events)
    return reader.documents, flaw


class _Stop(Exception):
    """The rest of the file is not worth reading."""

    def __init__(self, flaw: Flaw) -> None:
        super().__init__(flaw.code)
        self.flaw = flaw


@dataclass(slots=True)
class _Anchor:
    value: object
    size: int
    height: int


class _Reader:
    """Turns the events of one file into values, counting what is made."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.next: NextEvent
        self.documents: list[RawDocument] = []
        self.places: list[int] = []
        self.flaws: list[Flaw] = []
        self.anchors: dict[str, _Anchor] = {}
        self.nodes = 0
        self.deepest = 0

    def read(self, events: Callable[[bytes], NextEvent]) -> Flaw | None:
        try:
            self.next = events(self.data)
            while type(event := self.next()) is not StreamEndEvent:
                if type(event) is DocumentStartEvent:
                    self._document(self.next())
        except _Stop as stop:
            return stop.flaw
        except ReaderError as error:
            return unreadable(error, self.data)
        except MarkedYAMLError as error:
            return syntax_flaw(error, self.data)
        return None

    def _document(self, event: Any) -> None:
        self.anchors = {}
        self.flaws = []
        self.places = []
        self.deepest = 0
        mark = event.start_mark
        value = self._node(event, 1)
        if value is not None or self.flaws:
            self.documents.append(RawDocument(value, mark.line + 1, mark.column + 1, self.places, self.flaws))

    def _node(self, event: Any, depth: int) -> object:
        kind = type(event)
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise _Stop(_too_complex(event))
        if kind is ScalarEvent:
            return self._scalar(event)
        if kind is AliasEvent:
            return self._alias(event, depth)
        return self._collection(event, depth)

    def _collection(self, event: Any, depth: int) -> object:
        if depth > MAX_DEPTH:
            raise _Stop(_too_complex(event))
        outer, self.deepest, before = self.deepest, depth, self.nodes
        value = self._mapping(depth + 1) if type(event) is MappingStartEvent else self._sequence(depth + 1)
        if event.anchor is not None:
            self.anchors[event.anchor] = _Anchor(value, self.nodes - before + 1, self.deepest - depth)
        if event.tag is not None:
            self._check_tag(event, value)
        self.deepest = max(outer, self.deepest)
        return value

    def _sequence(self, depth: int) -> list[object]:
        items = []
        while type(event := self.next()) is not SequenceEndEvent:
            items.append(self._node(event, depth))
        return items

    def _mapping(self, depth: int) -> dict[str, object]:
        mapping: dict[str, object] = {}
        merged: list[dict[str, object]] = []
        while type(event := self.next()) is not MappingEndEvent:
            if type(event) is not ScalarEvent:
                self._flaw(event, "KeyNotText", "a key that is text", "a list, mapping or alias as key", "write text")
                self._node(event, depth)
                self._node(self.next(), depth)
                continue
            key = event.value
            value_event = self.next()
            value = self._node(value_event, depth)
            if key == "<<" and not event.style:
                merged.extend(self._merge_sources(value_event, value))
            elif key in mapping:
                fix = "keep one of them"
                self._flaw(event, "DuplicateKey", "each key once in a mapping", f"{quoted(key)} again", fix)
            else:
                mapping[key] = value
                if depth == _TOP:
                    self.places.extend(place_of(event.start_mark))
        for source in merged:
            for key, value in source.items():
                mapping.setdefault(key, value)
        return mapping

    def _merge_sources(self, event: Any, value: object) -> list[dict[str, object]]:
        sources = value if isinstance(value, list) else [value]
        mappings = [source for source in sources if isinstance(source, dict)]
        if len(mappings) < len(sources):
            self._flaw(event, "InvalidMerge", "a mapping or a list of mappings after `<<`", "something else", _MERGE)
        return mappings

    def _scalar(self, event: Any) -> object:
        text: str = event.value
        if event.anchor is not None:
            self.anchors[event.anchor] = _Anchor(text, 1, 0)
        if event.tag is not None:
            return self._tagged_scalar(event, text)
        if event.style:
            if "\0" in text:
                self._flaw(event, "NulCharacter", "text without NUL characters", "`\\0`", "remove it")
            return text
        return self._plain(event, text)

    def _plain(self, event: Any, text: str) -> object:
        first = text[:1]
        if first in _NUMBER_START:
            match = _NUMBER.fullmatch(text)
            return text if match is None else self._number(event, text, whole=match.lastindex is None)
        if first in _CONSTANT_START or not first:
            return _CONSTANTS.get(text, text)
        return text

    def _number(self, event: Any, text: str, *, whole: bool) -> object:
        if whole and len(text) <= 18:
            return int(text)
        number = math.inf if whole else float(text)
        if math.isfinite(number):
            return number
        expected = "a number of at most 18 digits"
        self._flaw(event, "NumberTooLarge", expected, f"one of {len(text)}", "write it in quotes if it is text")
        return 0

    def _tagged_scalar(self, event: Any, text: str) -> object:
        if event.tag in _TEXT_TAGS:
            return text
        value = self._plain(event, text)
        self._check_tag(event, value)
        return value

    def _check_tag(self, event: Any, value: object) -> None:
        expected = _TAG_TYPES.get(event.tag)
        if expected is None:
            found = quoted(event.tag, 60)
            self._flaw(event, "UnknownTag", "no tag, or one of !!str !!int !!float !!bool !!null", found, "remove it")
        elif not isinstance(value, expected):
            self._flaw(event, "WrongTag", f"a value that fits {quoted(event.tag)}", "another value", "remove the tag")

    def _alias(self, event: Any, depth: int) -> object:
        anchor = self.anchors.get(event.anchor)
        if anchor is None:
            found = quoted(f"*{event.anchor}")
            self._flaw(event, "UnknownAnchor", "an anchor that is complete before its alias", found, _ANCHOR)
            return None
        self.nodes += anchor.size
        if depth + anchor.height > MAX_DEPTH or self.nodes > MAX_NODES:
            raise _Stop(_too_complex(event))
        self.deepest = max(self.deepest, depth + anchor.height)
        return anchor.value

    def _flaw(self, event: Any, code: str, expected: str, found: str, fix: str) -> None:
        self.flaws.append(yaml_flaw(place_of(event.start_mark), code, expected, found, fix))


def _too_complex(event: Any) -> Flaw:
    expected = f"at most {MAX_DEPTH} levels and {MAX_NODES} values, aliases counted in full"
    return yaml_flaw(place_of(event.start_mark), "TooComplex", expected, "more", "split the file, or use fewer aliases")
