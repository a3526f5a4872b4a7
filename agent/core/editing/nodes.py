"""One document as nodes with their places in the text: the way from a pointer to what is written there.

Places count characters behind a byte order mark. Only documents that the reader takes without a flaw are asked for, so
keys are text, tags fit and aliases have their anchors.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from agent.core.editing.lines import line_end
from agent.core.editing.refusal import CannotEdit
from agent.core.yaml_events import NextEvent, exact_events, fast_events, place_of

_PROPERTIES = re.compile(r"(?:[&!]\S*\s+(?:#[^\n\r]*\s+)*)*")


@dataclass(slots=True, eq=False, kw_only=True)
class Node:
    """A value or key. It begins at `start` with anchor and tag, at `content` without them, and ends before `end`.

    `end` says little for a collection without brackets. `key` is the key that leads to it, `inside` whether brackets
    are around it, `target` what an alias stands for, `becomes` the new value that it is about to get.
    """

    kind: Literal["scalar", "mapping", "sequence", "alias"] = "scalar"
    start: int
    content: int
    end: int
    style: str = ""
    tag: str | None = None
    text: str = ""
    flow: bool = False
    inside: bool = False
    key: Node | None = None
    pairs: list[tuple[Node, Node]] = field(default_factory=list)
    items: list[Node] = field(default_factory=list)
    target: Node | None = None
    becomes: object = None

    @property
    def real(self) -> Node:
        """What it stands for."""
        return self.target or self

    @property
    def empty(self) -> bool:
        """Whether nothing but an anchor or a tag is written."""
        return self.kind == "scalar" and not self.style and not self.text

    @property
    def merges(self) -> bool:
        """Whether it is the key that takes over the fields of other mappings."""
        return self.text == "<<" and not self.style


def root_at(data: bytes, place: tuple[int, int]) -> Node:
    """The document of a file whose first value begins at a line and column, both from 1."""
    text = data.decode("utf-8-sig")
    try:
        root = _Builder(text, fast_events(data)).document(place)
    except MarkedYAMLError:
        root = _Builder(text, exact_events(data)).document(place)
    if root is None:
        raise CannotEdit(place[0], "the beginning of a document", "none", "read the file again")
    return root


class _Builder:
    """Turns the events of one document into nodes."""

    def __init__(self, text: str, following: NextEvent) -> None:
        self._text = text
        self._next = following
        self._anchors: dict[str, Node] = {}

    def document(self, place: tuple[int, int]) -> Node | None:
        while type(event := self._next()) is not StreamEndEvent:
            if type(event) is DocumentStartEvent:
                first = self._next()
                if place_of(first.start_mark) == place:
                    return self._node(first, inside=False)
        return None

    def _node(self, event: Any, *, inside: bool, key: Node | None = None) -> Node:
        start, end = event.start_mark.index, event.end_mark.index
        if type(event) is AliasEvent:
            target = self._anchors[event.anchor]
            return Node(kind="alias", start=start, content=start, end=end, inside=inside, key=key, target=target)
        node = self._written(event, inside=inside)
        node.key = key
        if type(event) is not ScalarEvent:
            self._fill(node, event)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _written(self, event: Any, *, inside: bool) -> Node:
        """The node without what it holds. For a key that is all: the reader knows no anchor of a key."""
        start, end = event.start_mark.index, event.end_mark.index
        node = Node(start=start, content=start, end=end, tag=event.tag, inside=inside)
        if event.anchor is not None or event.tag is not None:
            node.content = _PROPERTIES.match(self._text, start).end()  # type: ignore[union-attr] # matches anything
        if type(event) is ScalarEvent:
            node.style, node.text = event.style or "", event.value
        return node

    def _fill(self, node: Node, event: Any) -> None:
        node.flow = bool(event.flow_style)
        inside = node.inside or node.flow
        if type(event) is SequenceStartEvent:
            node.kind = "sequence"
            while type(event := self._next()) is not SequenceEndEvent:
                node.items.append(self._node(event, inside=inside))
        else:
            node.kind = "mapping"
            while type(event := self._next()) is not MappingEndEvent:
                key = self._written(event, inside=inside)
                node.pairs.append((key, self._node(self._next(), inside=inside, key=key)))
        node.end = event.end_mark.index


def own(mapping: Node, name: str) -> Node | None:
    """The value that a mapping itself writes behind a key."""
    return next((value for key, value in mapping.pairs if key.text == name and not key.merges), None)


def members(mapping: Node) -> dict[str, Node]:
    """All fields of a mapping; its own come before what it takes over."""
    fields = {key.text: value for key, value in mapping.pairs if not key.merges}
    for key, value in mapping.pairs:
        if key.merges:
            for source in _sources(value.real):
                for name, taken in members(source).items():
                    fields.setdefault(name, taken)
    return fields


def _sources(node: Node) -> Iterator[Node]:
    if node.kind == "mapping":
        yield node
    for item in node.items:
        yield item.real


def written_end(text: str, node: Node) -> int:
    """Where the last line that belongs to a node ends, or what is written of it on that line.

    A block scalar that keeps its line breaks ends before the last of them.
    """
    if node.kind == "sequence" and not node.flow:
        return written_end(text, node.items[-1])
    if node.kind == "mapping" and not node.flow:
        key, value = node.pairs[-1]
        return max(key.end, written_end(text, value)) if not value.empty else key.end
    if node.style not in {"|", ">"}:
        return node.end
    kept = "+" in text[node.content : line_end(text, node.content)].partition("#")[0]
    if kept:
        return node.end - 2 if text[: node.end].endswith("\r\n") else node.end - text[: node.end].endswith("\n")
    return line_end(text, len(text[: node.end].rstrip()))
