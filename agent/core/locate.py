"""From a JSON pointer back to line and column. Asked only when there is a problem, so the file is read again then."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from ruamel.yaml.cyaml import CParser  # type: ignore[attr-defined] # found at run time in one of two modules
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode
from ruamel.yaml.tag import Tag

from agent.core.schema_errors import split_pointer
from agent.core.yaml_events import EXACT_BYTES, exact_nodes

_EMPTY = frozenset(("", "~", "null", "Null", "NULL"))
_NO_TAG = Tag(suffix="")

Place = tuple[int, int]
"""Line and column, from 1."""


class Locator:
    """The places of one file, of whose documents only the first `documents` kept within the limits."""

    def __init__(self, data: bytes, documents: int) -> None:
        self._roots = _first(_roots(data), documents)
        if len(self._roots) < documents and len(data) <= EXACT_BYTES:
            self._roots = _first(exact_nodes(data), documents)

    def place(self, index: int, pointer: str) -> Place | None:
        """The place of what the pointer names in the document at `index`, or of what encloses it: where its key is."""
        way = self._way(index, pointer)
        return _place(way[-1][0]) if way else None

    def written(self, index: int, pointer: str) -> str | None:
        """A number, true, false or null as it is written; None for anything else."""
        way = self._way(index, pointer)
        node = way[-1][1] if way else None
        return str(node.value) if isinstance(node, ScalarNode) and not node.style and node.value else None

    def _way(self, index: int, pointer: str) -> list[tuple[Any, Any]]:
        """Keys with their values from the root on, as far as the pointer can be followed."""
        if index >= len(self._roots):
            return []
        way = [(self._roots[index], self._roots[index])]
        for part in split_pointer(pointer):
            found = _child(way[-1][1], part)
            if found is None:
                break
            way.append(found)
        return way


class _Composer(CParser):  # type: ignore[misc]
    """The C parser composing nodes, with nothing asked about tags."""

    def descend_resolver(self, parent: object, index: object) -> None: ...

    def ascend_resolver(self) -> None: ...

    def resolve(self, *_asked: object) -> Tag:
        return _NO_TAG


def _roots(data: bytes) -> Iterator[Any]:
    """The root nodes of all documents."""
    composer = _Composer(data)
    while composer.check_node():
        yield composer.get_node()


def _first(nodes: Iterator[Any], documents: int) -> list[Any]:
    """The first nodes that are not empty, as far as the file can be read."""
    roots: list[Any] = []
    # Whatever the parser stumbles over was told when the file was read; places behind it are not known then.
    with suppress(Exception):
        for node in nodes:
            if isinstance(node, ScalarNode) and not node.style and node.value in _EMPTY:
                continue
            roots.append(node)
            if len(roots) == documents:
                break
    return roots


def _child(node: Any, part: str) -> tuple[Any, Any] | None:
    """Key and value nodes below a mapping, the item twice below a sequence."""
    if isinstance(node, MappingNode):
        return _member(node, part)
    if isinstance(node, SequenceNode) and part.isdecimal() and int(part) < len(node.value):
        item = node.value[int(part)]
        return item, item
    return None


def _member(node: Any, part: str) -> tuple[Any, Any] | None:
    pairs = [(key, value) for key, value in node.value if isinstance(key, ScalarNode)]
    for key, value in pairs:
        if key.value == part:
            return key, value
    for key, value in pairs:
        if key.value == "<<" and not key.style:
            for source in value.value if isinstance(value, SequenceNode) else [value]:
                found = _child(source, part) if isinstance(source, MappingNode) else None
                if found is not None:
                    return found
    return None


def _place(node: Any) -> Place:
    return node.start_mark.line + 1, node.start_mark.column + 1
