"""What is not edited, and what is said then."""

from __future__ import annotations

import pytest

from agent.core.edit import CannotEdit, edit_document
from agent.core.editing.nodes import root_at
from agent.core.pins import PinEdit

NEW = "1.3.0"


def refused(text: str | bytes, *edits: tuple[str, str | tuple[str, ...]], number: int = 0) -> CannotEdit:
    changes = [PinEdit(pointer=pointer, value=value) for pointer, value in edits]
    data = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(CannotEdit) as caught:
        edit_document(data, number, changes)
    return caught.value


@pytest.mark.parametrize(
    ("text", "pointer", "value", "line", "found"),
    [
        ("tag: [\n", "/tag", NEW, 2, "did not find expected node content while parsing a flow node"),
        ("tag: x\na: b\na: c\n", "/tag", NEW, 3, "`a` again"),
        (b"tag: \xff\n", "/tag", NEW, 1, "byte 0xff"),
        ("a:\n  tag: [a]\n", "/a/tag", NEW, 2, "a sequence"),
        ("a: b\ntag: {a: b}\n", "/tag", NEW, 2, "a mapping"),
        ("a: &a {b: c}\ntag: *a\n", "/tag", NEW, 1, "a mapping"),
        ("a: b\n", "/b/tag", NEW, 1, "none"),
        ("a:\n- b\n", "/a/7/tag", NEW, 2, "none"),
        ("a:\n", "/a/tag", NEW, 1, "something else"),
        ("a: [b]\n", "/a/1", NEW, 1, "something else"),
        ("a: [b]\n", "/a/x", NEW, 1, "something else"),
        ("a: b\n", "", NEW, 1, "one to the whole"),
        ("a: b\ntag: !!int 5\n", "/tag", NEW, 2, "the tag `tag:yaml.org,2002:int`"),
        ("a: b\n? tag\n? c\n", "/tag", NEW, 2, "none"),
        ("tags: a\n", "/tags", ("a", "b"), 1, "something else"),
        ("tags: {a: b}\n", "/tags", ("a", "b"), 1, "something else"),
        ("tags:\n- a: b\n- c\n", "/tags", ("d", "c"), 2, "a mapping in it"),
        ("tags: [c, [a, b]]\n", "/tags", ("c", "d"), 1, "a sequence in it"),
        ("- - a\n  - b\n", "/0", ("b",), 1, "another layout"),
        ("- - a\n", "/0", (), 1, "another layout"),
        ("? tags\n: - a\n", "/tags", (), 2, "another layout"),
        ("&k tag: x\na: *k\n", "/a", NEW, 2, "`*k`"),
        ("tags:\r- a\r- b\r", "/tags", ("a",), 1, "another layout"),
    ],
)
def test_what_cannot_be_done_says_where_and_why(text, pointer, value, line, found):
    error = refused(text, (pointer, value))
    assert (error.line, error.found) == (line, found)
    assert str(error) == f"line {line}: expected {error.expected}, found {found}; {error.fix}"
    assert isinstance(error, ValueError)
    assert error.expected
    assert error.fix


@pytest.mark.parametrize(
    ("text", "edit"),
    [
        ("image: |+\n  a", ("/tag", NEW)),
        ("a: [tag: x]\n", ("/a/0/b", NEW)),
        ("tags: [&v a, b]\nc: *v\n", ("/tags", ("b",))),
        ("tags: [&v a, b]\nc: *v\n", ("/tags", ("c", "b"))),
        ("tag: |2-\n    x\n", ("/tag", NEW)),
        ("tag: x\n", ("/tag", "\0")),
        ("tag: x\n", ("/tag", "\ud800")),
    ],
)
def test_what_would_change_something_else_is_not_done(text, edit):
    assert refused(text, edit).line == 1


@pytest.mark.parametrize("number", [-1, 1, 2])
def test_a_document_that_is_not_there_is_not_edited(number):
    error = refused("tag: x\n---\n# nothing\n", ("/tag", NEW), number=number)
    assert error.found == "1"


def test_one_place_cannot_hold_two_values():
    error = refused("v: &v x\ntag: *v\nrevision: *v\n", ("/tag", "a"), ("/revision", "b"))
    assert error.found == "one shared with another"


def test_a_place_at_which_no_document_begins_is_not_edited():
    with pytest.raises(CannotEdit) as caught:
        root_at(b"a: b\n---\nc: d\n", (2, 1))
    assert caught.value.line == 2
