"""Values of a YAML document changed byte for byte in place. What is returned was read again and means what was wanted.

Whatever else the file holds stays as it is written: comments, quotes, order, anchors, line breaks, spaces. A value that
an alias stands for is changed where its anchor is, for every alias of it. What cannot be done so raises CannotEdit.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from agent.core.editing.keys import key_splices
from agent.core.editing.lines import Splice, spliced
from agent.core.editing.lists import list_splices
from agent.core.editing.nodes import Node, members, own, root_at
from agent.core.editing.refusal import CannotEdit
from agent.core.editing.scalars import listed, text_splices, value_splice
from agent.core.flaws import Flaw
from agent.core.pins import PinEdit
from agent.core.schema_errors import split_pointer
from agent.core.values import quoted
from agent.core.yaml_reader import RawDocument, read_yaml

__all__ = ["CannotEdit", "edit_document"]

_BY_HAND = "change it by hand, or write it in a simpler form"
_TEXT_TAGS = frozenset((None, "!", "tag:yaml.org,2002:str"))
_NULLS = frozenset(("~", "null", "Null", "NULL"))


def edit_document(data: bytes, number: int, edits: Sequence[PinEdit]) -> bytes:
    """The file with the values of its document `number` changed, counted from 0 like the reader does.

    Raises CannotEdit where that cannot be done without changing the meaning of anything else.
    """
    documents = _documents(data, number)
    new_keys: dict[str, str] = {}
    for edit in edits:
        change = _Change(data, documents[number], edit, new_keys.get(edit.after, edit.after))
        if change.needed:
            data = change.made()
            documents = _verified(data, number, documents, change.expected())
        if change.adds_key:
            new_keys[edit.after] = edit.pointer
    raw = documents[number]
    for edit in edits:
        if _value_at(raw.value, split_pointer(edit.pointer)) != _plain(edit.value):
            fix = "give each a value of its own"
            raise CannotEdit(raw.line, f"a place of its own for `{edit.pointer}`", "one shared with another", fix)
    return data


def _documents(data: bytes, number: int) -> list[RawDocument]:
    """All documents of a file that can be read to its end, the one at `number` without a flaw."""
    documents, stop = read_yaml(data)
    if stop is not None:
        raise _refused(stop)
    if not 0 <= number < len(documents):
        raise CannotEdit(1, f"{number + 1} documents or more", f"{len(documents)}", "read the file again")
    for flaw in documents[number].flaws:
        raise _refused(flaw)
    return documents


def _refused(flaw: Flaw) -> CannotEdit:
    return CannotEdit(flaw.line, flaw.expected, flaw.found, flaw.fix)


def _plain(value: str | tuple[str, ...]) -> object:
    return value if isinstance(value, str) else list(value)


def _value_at(value: object, parts: Sequence[str]) -> object:
    for part in parts:
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value


class _Change:
    """One change of one document. The nodes are told what they are about to become."""

    def __init__(self, data: bytes, document: RawDocument, edit: PinEdit, after: str) -> None:
        self._data = data
        self._text = data.decode("utf-8-sig")
        self._byte_order_mark = data[: len(data) - len(self._text.encode())]
        self._document = document
        self._edit = edit
        self._after = split_pointer(after)
        self._parts = split_pointer(edit.pointer)
        self._old = _value_at(document.value, self._parts)
        self._root: Node
        self.needed = self._old != _plain(edit.value)
        self.adds_key = False

    def made(self) -> bytes:
        """The file with the change, of which nothing is known yet."""
        self._root = root_at(self._data, (self._document.line, self._document.column))
        return self._byte_order_mark + spliced(self._text, self._splices(self._root)).encode()

    def expected(self) -> object:
        """What the document must mean with the change."""
        return _expected(self._root, self._document.value)

    def _splices(self, root: Node) -> list[Splice]:
        parent = root.real
        for part in self._parts[:-1]:
            child = members(parent).get(part) if parent.kind == "mapping" else _item(parent, part)
            if child is None:
                raise self._cannot(parent, f"`{part}` on the way to `{self._edit.pointer}`", "none")
            parent = child.real
        if not self._parts:
            raise self._cannot(parent, "a pointer to a value in the document", "one to the whole")
        child = own(parent, self._parts[-1]) if parent.kind == "mapping" else _item(parent, self._parts[-1])
        return self._new(parent) if child is None else self._changed(child.real)

    def _new(self, parent: Node) -> list[Splice]:
        if parent.kind != "mapping":
            raise self._cannot(parent, f"a mapping that holds `{self._edit.pointer}`", "something else")
        self.adds_key = True
        *above, name = self._parts
        *sibling_above, sibling = self._after or [""]
        after = sibling if sibling_above == above else ""
        splices = key_splices(self._text, parent, after, name, self._edit.value)
        place = Node(start=0, content=0, end=0, text=name, style='"')
        parent.pairs.append((place, Node(start=0, content=0, end=0, becomes=_plain(self._edit.value))))
        return splices

    def _changed(self, node: Node) -> list[Splice]:
        node.becomes = _plain(self._edit.value)
        new = self._edit.value
        if node.kind == "scalar" and node.tag not in _TEXT_TAGS:
            raise self._cannot(node, "text", f"the tag {quoted(node.tag or '')}")
        if isinstance(new, str) and node.kind == "scalar":
            return text_splices(self._text, node, new)
        if isinstance(new, str):
            raise self._cannot(node, f"a single value at `{self._edit.pointer}`", f"a {node.kind}")
        if isinstance(self._old, list):
            return list_splices(self._text, node, self._old, new)
        if self._old is None and (node.empty or node.text in _NULLS):
            return [value_splice(self._text, node, listed(new))]
        raise self._cannot(node, f"a list at `{self._edit.pointer}`", "something else")

    def _cannot(self, node: Node, expected: str, found: str) -> CannotEdit:
        return CannotEdit(self._text.count("\n", 0, node.start) + 1, expected, found, _BY_HAND)


def _item(node: Node, part: str) -> Node | None:
    return node.items[int(part)] if part.isdecimal() and int(part) < len(node.items) else None


def _expected(node: Node, value: object) -> object:
    """The value of a node after the change, where `value` is the one before it."""
    node = node.real
    if node.becomes is not None:
        return node.becomes
    if isinstance(value, dict):
        return {name: _expected(child, value.get(name)) for name, child in members(node).items()}
    if isinstance(value, list):
        return [_expected(child, one) for child, one in zip(node.items, value, strict=True)]
    return value


def _verified(result: bytes, number: int, before: Sequence[RawDocument], expected: object) -> list[RawDocument]:
    """Reads the result and compares everything in it with what was there, but for the one value."""
    after, stop = read_yaml(result)
    meant = [_meaning(one, one.value) for one in before]
    meant[number] = _meaning(before[number], expected)
    if stop is not None or [_meaning(one, one.value) for one in after] != meant:
        found = "a change of something else as well" if stop is None else stop.found
        raise CannotEdit(before[number].line, "a change of one value in this document", found, _BY_HAND)
    return after


def _meaning(document: RawDocument, value: object) -> tuple[str, list[tuple[str, str]]]:
    return json.dumps(value, sort_keys=True), [(flaw.code, flaw.found) for flaw in document.flaws]
