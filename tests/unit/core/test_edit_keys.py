"""Keys that are not there yet, written behind their neighbours: exact bytes."""

from __future__ import annotations

import pytest

from agent.core.edit import edit_document
from agent.core.pins import PinEdit


def edited(text: str, *, pointer: str = "/tag", after: str = "/image", value: str | tuple[str, ...] = "1.3.0") -> str:
    return edit_document(text.encode(), 0, [PinEdit(pointer=pointer, value=value, after=after)]).decode()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("image: a\nport: 80\n", "image: a\ntag: 1.3.0\nport: 80\n"),
        ("image: a", "image: a\ntag: 1.3.0"),
        ("port: 80\nimage: a # c\n# d\n", "port: 80\nimage: a # c\ntag: 1.3.0\n# d\n"),
        ("image: a  \r\nport: 80\r\n", "image: a  \r\ntag: 1.3.0\r\nport: 80\r\n"),
        ("port: 80\r\nimage: a", "port: 80\r\nimage: a\r\ntag: 1.3.0"),
        ("image: 'a'\n", "image: 'a'\ntag: '1.3.0'\n"),
        ('"image": "a"\n', '"image": "a"\n"tag": "1.3.0"\n'),
        ("image: &i a\nb: *i\n", "image: &i a\ntag: 1.3.0\nb: *i\n"),
        ("i: &i a\nimage: *i # c\nb: c\n", "i: &i a\nimage: *i # c\ntag: 1.3.0\nb: c\n"),
        ("image:\n  a # c\nb: c\n", "image:\n  a # c\ntag: 1.3.0\nb: c\n"),
        ("image:\nb: c\n", "image:\ntag: 1.3.0\nb: c\n"),
        ("image: # c\nb: c\n", "image: # c\ntag: 1.3.0\nb: c\n"),
        ("? image\n: a\n? b\n: c\n", "? image\n: a\ntag: 1.3.0\n? b\n: c\n"),
        ("? image\n? b\n", "? image\ntag: 1.3.0\n? b\n"),
        ("image: |\n  a\n\n\nb: c\n", "image: |\n  a\ntag: 1.3.0\n\n\nb: c\n"),
        ("image: |+ # c\n  a\n\n\nb: c\n", "image: |+ # c\n  a\n\n\ntag: 1.3.0\nb: c\n"),
        ("image: >+\r\n  a\r\n\r\nb: c\r\n", "image: >+\r\n  a\r\n\r\ntag: 1.3.0\r\nb: c\r\n"),
        ("image:\n  a: b\n  c:\n  # d\nb: c\n", "image:\n  a: b\n  c:\ntag: 1.3.0\n  # d\nb: c\n"),
        ("image:\n- a\n- b # c\nb: c\n", "image:\n- a\n- b # c\ntag: 1.3.0\nb: c\n"),
        ("image: [a,\n  b] # c\nb: c\n", "image: [a,\n  b] # c\ntag: 1.3.0\nb: c\n"),
        ("\ufeffimage: é\n", "\ufeffimage: é\ntag: 1.3.0\n"),
        ("image: a\rb: c\r", "image: a\rtag: 1.3.0\rb: c\r"),
        ("image: a\n---\nb: c\n", "image: a\ntag: 1.3.0\n---\nb: c\n"),
    ],
)
def test_a_key_goes_behind_its_sibling(before, after):
    assert edited(before) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("{image: a}\n", "{image: a, tag: 1.3.0}\n"),
        ("{ image: a, port: 80 }\n", "{ image: a, tag: 1.3.0, port: 80 }\n"),
        ('{"image":"a"}', '{"image":"a", "tag": "1.3.0"}'),
        ("{image, port: 80}\n", "{image, tag: 1.3.0, port: 80}\n"),
        ("{image: a, # c\n port: 80}\n", "{image: a, tag: 1.3.0, # c\n port: 80}\n"),
        ("{\n  image: a, # c\n  port: 80\n}\n", "{\n  image: a, # c\n  tag: 1.3.0,\n  port: 80\n}\n"),
        ("{\n  port: 80,\n  image: a # c\n}\n", "{\n  port: 80,\n  image: a, # c\n  tag: 1.3.0\n}\n"),
        ("{\n  image: a }\n", "{\n  image: a, tag: 1.3.0 }\n"),
        ("{\n  image: a\n  , b: c }\n", "{\n  image: a,\n  tag: 1.3.0\n  , b: c }\n"),
        ("{\r\n\timage: a\r\n}\r\n", "{\r\n\timage: a,\r\n\ttag: 1.3.0\r\n}\r\n"),
        ("{image: [a, b]}", "{image: [a, b], tag: 1.3.0}"),
        ("{}\n", "{tag: 1.3.0}\n"),
        ("{ # c\n}\n", "{tag: 1.3.0 # c\n}\n"),
    ],
)
def test_inside_braces_it_goes_behind_a_comma(before, after):
    assert edited(before) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "b: &b {tag: a, image: c}\ns:\n  <<: *b # base\n  port: 80\n",
            "b: &b {tag: a, image: c}\ns:\n  <<: *b # base\n  tag: 1.3.0\n  port: 80\n",
        ),
        (
            "b: &b {tag: a}\ns:\n  <<: *b\n  image: c\n  port: 80\n",
            "b: &b {tag: a}\ns:\n  <<: *b\n  image: c\n  tag: 1.3.0\n  port: 80\n",
        ),
        ("b: &b {tag: a}\ns: {<<: *b}\n", "b: &b {tag: a}\ns: {<<: *b, tag: 1.3.0}\n"),
        ("b: &b {tag: a}\ns: {<<: [*b, {c: d}]}\n", "b: &b {tag: a}\ns: {<<: [*b, {c: d}], tag: 1.3.0}\n"),
        (
            "b: &b {tag: a}\ns: &s\n  <<: *b\nt:\n  <<: *s\n",
            "b: &b {tag: a}\ns: &s\n  <<: *b\n  tag: 1.3.0\nt:\n  <<: *s\n",
        ),
    ],
)
def test_a_merged_value_is_written_where_it_is_used(before, after):
    assert edited(before, pointer="/s/tag", after="/s/image") == after


@pytest.mark.parametrize("after", ["", "/missing", "/other/image", "/s/missing"])
def test_without_its_sibling_a_key_goes_to_the_end(after):
    text = "s:\n    image: a\n    port: 80 # c\nb: c\n"
    assert edited(text, pointer="/s/tag", after=after) == text.replace("# c\n", "# c\n    tag: 1.3.0\n")


def test_a_mapping_may_be_an_entry_of_a_list():
    assert edited("- image: a\n  b: c\n", pointer="/0/tag", after="/0/image") == "- image: a\n  tag: 1.3.0\n  b: c\n"
    text = "s:\n-   # one\n    image: a\n- image: b\n"
    assert edited(text, pointer="/s/0/tag", after="/s/0/image") == text.replace(": a\n", ": a\n    tag: 1.3.0\n")


def test_a_list_is_written_in_brackets():
    assert edited("image: 'a'\n", pointer="/tags", value=("1.10", "b")) == "image: 'a'\ntags: ['1.10', 'b']\n"
    assert edited("{image: a}\n", pointer="/tags", value=("1.10", "b")) == '{image: a, tags: ["1.10", b]}\n'
    assert edited("image: a\n", pointer="/tags", value=()) == "image: a\ntags: []\n"


def test_keys_that_need_quotes_get_them():
    assert edited("image: a\n", pointer="/on") == 'image: a\n"on": 1.3.0\n'
    assert edited("image: a\n", pointer="/<<") == 'image: a\n"<<": 1.3.0\n'
    assert edited("image: a\n", pointer="/a~1b~0: c") == 'image: a\n"a/b~: c": 1.3.0\n'


def both(text: str, *edits: tuple[str, str]) -> str:
    changes = [PinEdit(pointer=pointer, value="1.3.0", after=after) for pointer, after in edits]
    return edit_document(text.encode(), 0, changes).decode()


def test_new_keys_behind_one_sibling_keep_their_order():
    text = "image: a # c\nport: 80\n"
    expected = "image: a # c\ntag: 1.3.0\ndigest: 1.3.0\nport: 80\n"
    assert both(text, ("/tag", "/image"), ("/digest", "/image")) == expected
    assert both(text, ("/tag", "/image"), ("/digest", "/tag")) == expected
    flow = "{\n  image: a # c\n}\n"
    expected = "{\n  image: a, # c\n  tag: 1.3.0,\n  digest: 1.3.0\n}\n"
    assert both(flow, ("/tag", "/image"), ("/digest", "/image")) == expected


def test_a_key_that_was_there_already_draws_no_other_to_it():
    assert (
        both("tag: x\nimage: a\n", ("/tag", "/image"), ("/digest", "/image")) == "tag: 1.3.0\nimage: a\ndigest: 1.3.0\n"
    )
