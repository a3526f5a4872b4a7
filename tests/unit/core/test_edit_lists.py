"""Lists of texts changed in place: exact bytes."""

from __future__ import annotations

import pytest

from agent.core.edit import edit_document
from agent.core.pins import PinEdit


def edited(text: str, *value: str) -> str:
    return edit_document(text.encode(), 0, [PinEdit(pointer="/tags", value=value)]).decode()


@pytest.mark.parametrize(
    ("before", "value", "after"),
    [
        ("[a, b]", "a b c", "[a, b, c]"),
        ("[a, b]", "c a b", "[c, a, b]"),
        ("[a, b]", "c a", "[c, a]"),
        ("[a, b]", "c", "[c]"),
        ("[a,  b,  c]", "a c", "[a,  c]"),
        ("[a, b, c]", "b c", "[b, c]"),
        ("[a, b, c]", "a", "[a]"),
        ("[ a, b ] # c", "b", "[ b ] # c"),
        ("[a, b, ]", "a", "[a, ]"),
        ("['a', \"b\"]", "a b c", '[\'a\', "b", "c"]'),
        ("['a', b]", "c d a b", "['c', 'd', 'a', b]"),
        ("[a, 'b', c]", "a x y c", "[a, 'x', 'y', c]"),
        ("[a]", "1.10 a", '["1.10", a]'),
        ("[1.10, a]", "1.10 a", '["1.10", a]'),
        ("[]", "a 1.2", '[a, "1.2"]'),
        ("[ ]", "a", "[a]"),
        ("[ # none\n]", "a", "[a # none\n]"),
        ("[a, b]", "", "[]"),
        ("&t [a, b]", "b", "&t [b]"),
        ("[\n  a, # one\n  b # two\n]", "c a b", "[\n  c,\n  a, # one\n  b # two\n]"),
        ("[\n  a, # one\n  b # two\n]", "a c b", "[\n  a, # one\n  c,\n  b # two\n]"),
        ("[\n  a, # one\n  b # two\n]", "a b c d", "[\n  a, # one\n  b, # two\n  c,\n  d\n]"),
        ("[\n  a, # one\n  b, # two\n]", "b", "[\n  b, # two\n]"),
        ("[\n  a, # one\n  b # two\n]", "a", "[\n  a # one\n]"),
        ("[\n  a, # one\n  b, # two\n]", "a", "[\n  a, # one\n]"),
        ("[\n  a, # one\n  b, # two\n]", "c b", "[\n  c,\n  b, # two\n]"),
        ("[\n  a, # one\n  b]", "a", "[\n  a, # one\n  ]"),
        ("[\n  a, # one\n  b, c]", "a c", "[\n  a, # one\n  c]"),
        ("[\n  a,\n  b, c]", "a b", "[\n  a,\n  b]"),
        ("[\n  a\n  , b\n]", "a", "[\n  a\n]"),
        ("[\n  a\n  ,\n  b\n]", "a", "[\n  a\n  ,\n]"),
        ("[ok:a, b]", "ok:c ok:a b", "[ok:c, ok:a, b]"),
    ],
)
def test_a_list_in_brackets(before, value, after):
    text = f"a: b\ntags: {before}\nc: d\n"
    assert edited(text, *value.split()) == f"a: b\ntags: {after}\nc: d\n"


@pytest.mark.parametrize(
    ("before", "value", "after"),
    [
        ("\n  - a\n  - b", "a b c", "\n  - a\n  - b\n  - c"),
        ("\n- a # one\n- b # two", "c a", "\n- c\n- a # one"),
        ("\n-   'a'\n-   b", "c d a b", "\n-   'c'\n-   'd'\n-   'a'\n-   b"),
        ("\n  - a # one\n  - b # two", "b", "\n  - b # two"),
        ("\n  - a # one\n  - b # two", "a", "\n  - a # one"),
        ("\n  - a # one\n  - b # two", "c b", "\n  - c\n  - b # two"),
        ("\n  - 'a' # one\n  - b", "c d e b", "\n  - 'c'\n  - 'd'\n  - 'e'\n  - b"),
        ("\n  - a\n  - b\n  - c\n  - d", "x d", "\n  - x\n  - d"),
        (
            "\n  # newest first\n  - a\n  # the old one\n  - b",
            "c a",
            "\n  # newest first\n  - c\n  - a\n  # the old one",
        ),
        (" # c\n  - a\n  - b", "", " [] # c"),
        (" &t # c\n  - a\n\n  - b", "", " &t [] # c"),
        ("\n  - 1.10\n  - a", "1.10 a", '\n  - "1.10"\n  - a'),
        ("\n  -\n    a\n  -\n    b", "c a b", "\n  - c\n  -\n    a\n  -\n    b"),
        ("\n  -\n  - b", "c b", "\n  - c\n  - b"),
        ("\n  - |-\n    a\n  - b", "c b", "\n  - |-\n    c\n  - b"),
        ("\n  - |-\n    a\n  - b", "a", "\n  - |-\n    a"),
        ("\n  - !!str a\n  - !!str 2", "1 2", "\n  - !!str 1\n  - !!str 2"),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
def test_a_list_of_lines(before, value, after, end):
    ending = end or "\n"
    old, new = (f"a: b\ntags:{part}".replace("\n", ending) for part in (before, after))
    tail = f"{end}c: d{end}" if end else ""
    assert edited(old + tail, *value.split()) == new + tail


def test_the_last_line_goes_with_the_break_before_it_where_no_break_ends_the_file():
    assert edited("tags:\n  - a\n  - b", "a") == "tags:\n  - a"
    assert edited("tags:\r\n  - a\r\n  - b\r\n  - c", "a") == "tags:\r\n  - a"
    assert edited("tags:\r  - a\r  - b", "c", "a", "b") == "tags:\r  - c\r  - a\r  - b"


@pytest.mark.parametrize("null", ["", " ~", " null", " # c"])
def test_a_list_is_written_where_there_was_none(null):
    comment = " # c" if "#" in null else ""
    assert edited(f"tags:{null}\nc: d\n", "a", "1.10") == f'tags: [a, "1.10"]{comment}\nc: d\n'
    assert edited(f"tags:{null}\nc: d\n") == f"tags: []{comment}\nc: d\n"


def test_entries_that_are_aliases_stay_or_give_way_without_their_anchor():
    assert edited("v: &v a\ntags: [*v, b]\n", "c", "a") == "v: &v a\ntags: [c, *v]\n"
    assert edited("v: &v a\ntags: [*v, b]\n", "c", "b") == "v: &v a\ntags: [c, b]\n"
    assert edited("v: &v a\ntags:\n- *v # v\n- b\n", "c", "b") == "v: &v a\ntags:\n- c\n- b\n"


def test_a_list_that_an_alias_stands_for_is_changed_at_its_anchor():
    assert edited("t: &t [a, b]\ntags: *t\n", "c", "a") == "t: &t [c, a]\ntags: *t\n"
    assert edited("t: &t\n- a\ntags: *t\nu: *t\n") == "t: &t []\ntags: *t\nu: *t\n"


def test_an_entry_of_a_list_in_braces_is_reached():
    edit = PinEdit(pointer="/s/tags", value=("c", "a"))
    assert edit_document(b"s: {tags: [a, b], c: d}\n", 0, [edit]) == b"s: {tags: [c, a], c: d}\n"


def test_explicit_keys_and_lists_in_lists_take_entries_too():
    assert edited("? tags\n: - a\n  - b\n", "a", "c", "b") == "? tags\n: - a\n  - c\n  - b\n"
    assert edited("? tags\n: - a\n  - b\n", "c", "a", "b") == "? tags\n: - c\n  - a\n  - b\n"
    edit = PinEdit(pointer="/0", value=("a", "c", "b"))
    assert edit_document(b"- - a\n  - b\n", 0, [edit]) == b"- - a\n  - c\n  - b\n"
