"""Single values changed in place: exact bytes for what people write."""

from __future__ import annotations

import pytest

from agent.core.edit import edit_document
from agent.core.pins import PinEdit

NEW = "1.3.0"
DIGEST = f"sha256:{'0a' * 32}"


def edited(text: str, value: str | tuple[str, ...] = NEW, *, pointer: str = "/tag", after: str = "") -> str:
    edit = PinEdit(pointer=pointer, value=value, after=after)
    return edit_document(text.encode(), 0, [edit]).decode()


WORKLOAD = """\
# yaml-language-server: $schema=../schemas/workload.json

kind: Workload   # what it is
name: shop
source:
    kind: image
    image: registry.example.com/shop/web
    tag:   "1.2.0"    # naïve 😀, do not touch
    port: 8080

env: {LEVEL: info, 'TAG': "1.2.0"}
labels:
- no dash indentation
...
"""


def test_a_whole_workload_differs_in_the_pin_alone():
    assert edited(WORKLOAD, pointer="/source/tag") == WORKLOAD.replace('"1.2.0"    #', '"1.3.0"    #')


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("tag: 1.2.0\n", "tag: 1.3.0\n"),
        ("tag: 1.2.0", "tag: 1.3.0"),
        ("tag :  1.2.0  \n", "tag :  1.3.0  \n"),
        ("tag:\t1.2.0\t# tab\n", "tag:\t1.3.0\t# tab\n"),
        ("tag: '1.2.0' # it's\n", "tag: '1.3.0' # it's\n"),
        ('tag: "1.2.0"\n', 'tag: "1.3.0"\n'),
        ('"tag": "1.2.0"\n', '"tag": "1.3.0"\n'),
        ('tag: "1.2\\\n  .0"\nb: c\n', 'tag: "1.3.0"\nb: c\n'),
        ("tag: '1.2\n\n  .0' # c\n", "tag: '1.3.0' # c\n"),
        ("tag: one\n  two\nb: c\n", "tag: 1.3.0\nb: c\n"),
        ("tag:\n    1.2.0\n", "tag:\n    1.3.0\n"),
        ("tag: # which\n  # this\n  1.2.0\n", "tag: # which\n  # this\n  1.3.0\n"),
        ("? tag\n: 1.2.0\n", "? tag\n: 1.3.0\n"),
        ("? tag # the tag\n: 1.2.0 # c\n? b\n: c\n", "? tag # the tag\n: 1.3.0 # c\n? b\n: c\n"),
        ("{image: a, tag: 1.2.0}\n", "{image: a, tag: 1.3.0}\n"),
        ("{image: a,tag: 1.2.0,\n port: 1}\n", "{image: a,tag: 1.3.0,\n port: 1}\n"),
        ('{"image":"a","tag":"1.2.0"}', '{"image":"a","tag":"1.3.0"}'),
        ("{\n  tag: 1.2.0, # c\n}\n", "{\n  tag: 1.3.0, # c\n}\n"),
        ("tag: &v 1.2.0\nb: *v\n", "tag: &v 1.3.0\nb: *v\n"),
        ("tag: &v # anchored\n  1.2.0\n", "tag: &v # anchored\n  1.3.0\n"),
        ("v: &v '1.2.0'\ntag: *v\nb: *v # c\n", "v: &v '1.3.0'\ntag: *v\nb: *v # c\n"),
        ("tag: !!str 1.2.0\n", "tag: !!str 1.3.0\n"),
        ("tag: &v ! 1.2.0 # c\n", "tag: &v ! 1.3.0 # c\n"),
        ("a: é😀\r\ntag: 1.2.0 # é\r\nb: c\r\n", "a: é😀\r\ntag: 1.3.0 # é\r\nb: c\r\n"),
        ("\ufeff# c\ntag: 1.2.0\n", "\ufeff# c\ntag: 1.3.0\n"),
        ("\ufeff\ufefftag: 1.2.0\n", "\ufeff\ufefftag: 1.3.0\n"),
        ("\ufefftag: 1.2.0\n", "\ufefftag: 1.3.0\n"),
        ("a: b # c\x85tag: 1.2.0\u2028b: c\u2029", "a: b # c\x85tag: 1.3.0\u2028b: c\u2029"),
        ("a: b\rtag: 1.2.0\rb: c\r", "a: b\rtag: 1.3.0\rb: c\r"),
        ("%YAML 1.2\n---\ntag: 1.2.0\n", "%YAML 1.2\n---\ntag: 1.3.0\n"),
        ("%YAML 1.1\n--- # comment\ntag: 1.2.0\n...\n", "%YAML 1.1\n--- # comment\ntag: 1.3.0\n...\n"),
        ("--- {tag: 1.2.0}\n", "--- {tag: 1.3.0}\n"),
        ("--- &doc\ntag: 1.2.0\n", "--- &doc\ntag: 1.3.0\n"),
        ("url: [a:b, http://x]\ntag: 1.2.0 # é\n", "url: [a:b, http://x]\ntag: 1.3.0 # é\n"),
        ("\ufeffurl: [é:b]\ntag: 1.2.0\n", "\ufeffurl: [é:b]\ntag: 1.3.0\n"),
    ],
)
def test_only_the_value_changes(before, after):
    assert edited(before) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("tag:\n", "tag: 1.3.0\n"),
        ("tag:", "tag: 1.3.0"),
        ("tag: # c\n", "tag: 1.3.0 # c\n"),
        ("tag:\nb: c\n", "tag: 1.3.0\nb: c\n"),
        ("tag: ~ # c\n", "tag: 1.3.0 # c\n"),
        ("tag: null\n", "tag: 1.3.0\n"),
        ("tag: ''\n", "tag: '1.3.0'\n"),
        ("tag: &v # c\nb: *v\n", "tag: &v 1.3.0 # c\nb: *v\n"),
        ("tag: !!str\nb: c\n", "tag: !!str 1.3.0\nb: c\n"),
        ("{tag:  , a: b}\n", "{tag: 1.3.0  , a: b}\n"),
        ("{tag}\n", "{tag: 1.3.0}\n"),
        ("{tag, a: b}\n", "{tag: 1.3.0, a: b}\n"),
        ('{"tag":}\n', '{"tag": 1.3.0}\n'),
        ("? tag\n:\n", "? tag\n: 1.3.0\n"),
    ],
)
def test_a_value_is_written_where_there_was_none(before, after):
    assert edited(before) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("tag: |-\n  1.2.0\nb: c\n", "tag: |-\n  1.3.0\nb: c\n"),
        ("tag: >- # c\n\n    1.2.0  \n\n# d\nb: c\n", "tag: >- # c\n    1.3.0\n\n# d\nb: c\n"),
        ("tag: |\r\n  1.2.0\r\nb: c\r\n", "tag: |-\r\n  1.3.0\r\nb: c\r\n"),
        ("tag: |+2\n  1.2.0\n\nb: c\n", "tag: |2-\n  1.3.0\n\nb: c\n"),
        ("tag: &v !!str >\n  1.2.0\n  x\n", "tag: &v !!str >-\n  1.3.0\n"),
        ("tag: |-\n  1.2.0", "tag: |-\n  1.3.0"),
        ("tag: |- # empty\nb: c\n", 'tag: "1.3.0" # empty\nb: c\n'),
        ("tag: |", 'tag: "1.3.0"'),
        ("u: [a:b]\ntag: |\n  1.2.0\n\nb: c\n", "u: [a:b]\ntag: |-\n  1.3.0\n\nb: c\n"),
    ],
)
def test_a_block_scalar_stays_one_where_it_can(before, after):
    assert edited(before) == after


@pytest.mark.parametrize("value", ["", " x", "a\nb"])
def test_a_block_scalar_gives_way_to_quotes_where_it_cannot_hold_the_text(value):
    escaped = value.replace("\n", "\\n")
    assert edited("tag: | # c\n  x\n  y\nb: c\n", value) == f'tag: "{escaped}" # c\nb: c\n'


@pytest.mark.parametrize(
    "value",
    [
        *("1.2.3", "v1", "latest", "1.2-alpine", "3f9a2c71", "a.b_c-d", "_1", "1e3x", "nightly", DIGEST, "a/b:c@d"),
        *(
            "2024-01-01-rc1",
            "20240101.1b",
            "one two",
            "größe",
            "a#b",
            "a:b",
            "00112233445566778899aabbccddeeff00112233",
        ),
    ],
)
def test_text_that_every_reader_takes_for_text_stays_plain(value):
    assert edited("tag: 1.2.0 # c\n", value) == f"tag: {value} # c\n"


@pytest.mark.parametrize(
    "value",
    [
        *(
            "2",
            "1.10",
            "007",
            "0x1F",
            "0o17",
            "0b11",
            "1_000",
            "12e03",
            "1e10",
            "1.",
            ".5",
            "+1",
            "-1",
            ".inf",
            "+.inf",
        ),
        *(
            "null",
            "Null",
            "~",
            "true",
            "No",
            "yes",
            "on",
            "OFF",
            "y",
            "N",
            "2024-01-01",
            "2024-1-1 10:00",
            "22:22",
            "=",
        ),
        *("", "*a", "&a", "!a", "|", ">", "@a", "%a", "`a", "#a", "a #b", "a: b", "a:", " a", "a ", "- a", "? a", "<<"),
        *("[a]", "{a}", ",", "'a'", "---", "...", "01234567890123456789012345678901234567890"[:40], "1234e56789"),
    ],
)
def test_text_that_some_reader_takes_for_something_else_is_quoted(value):
    assert edited("tag: 1.2.0 # c\n", value) == f'tag: "{value}" # c\n'
    assert edited("tag: '1.2.0'\n", value) == "tag: '" + value.replace("'", "''") + "'\n"
    assert edited('tag: "1.2.0"\n', value) == f'tag: "{value}"\n'


@pytest.mark.parametrize("value", ["1.10", "007", "on"])
def test_behind_a_tag_that_makes_it_text_nothing_needs_quotes(value):
    assert edited("tag: !!str 1.2\n", value) == f"tag: !!str {value}\n"


@pytest.mark.parametrize("value", ["a,b", "[", "a]", "{a", "a}", "a?b", "a:b"])
def test_inside_brackets_more_is_quoted(value):
    assert edited("{tag: 1.2.0, b: c}\n", value) == f'{{tag: "{value}", b: c}}\n'


def test_a_plain_digest_in_brackets_stays_plain_where_one_was_before():
    assert edited(f"{{tag: sha256:{'1b' * 32}, b: c}}\n", DIGEST) == f"{{tag: {DIGEST}, b: c}}\n"
    assert edited("{tag: a, b: c}\n", DIGEST) == f'{{tag: "{DIGEST}", b: c}}\n'


def test_a_number_becomes_text():
    assert edited("tag: 1.10 # c\n", "1.20") == 'tag: "1.20" # c\n'
    assert edited("tag: 1.10\n", "1.10") == 'tag: "1.10"\n'
    assert edited("tag: 1.10\n", "1.10.1") == "tag: 1.10.1\n"
    assert edited('tag: "1.10"\n', "1.10.1") == 'tag: "1.10.1"\n'


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ('a"\\', '"a\\"\\\\"'),
        ("a\tb\n", '"a\\tb\\n"'),
        ("\u2028", '"\\u2028"'),
        ("\U000e0001", '"\\U000e0001"'),
        ("😀 é: ", '"😀 é: "'),
    ],
)
def test_double_quotes_escape_what_they_must(value, written):
    assert edited('tag: "x"\n', value) == f"tag: {written}\n"
    assert edited("tag: x\n", value + "#\n") == f'tag: {written[:-1]}#\\n"\n'


def test_single_quotes_give_way_where_they_cannot_hold_the_text():
    assert edited("tag: 'x'\n", "it's") == "tag: 'it''s'\n"
    assert edited("tag: 'x'\n", "a\nb") == 'tag: "a\\nb"\n'


@pytest.mark.parametrize(
    "text",
    [
        "tag: on\n",
        "tag: '1.3'\n",
        "tag: |-\n  x\n",
        "a: &v x\ntag: *v\n",
        "b: &b {tag: x}\n<<: *b\n",
        "tag: [a, 'b']\n",
    ],
)
def test_what_is_written_already_is_not_touched(text):
    value = {"o": "on", "'": "1.3", "[": ("a", "b")}.get(text[5], "x")
    assert edited(text, value) == text


def test_values_are_reached_through_lists_aliases_and_merges():
    assert edited("a:\n- tag: 1\n- tag: 2 # c\n", pointer="/a/1/tag") == "a:\n- tag: 1\n- tag: 1.3.0 # c\n"
    assert edited("a: [x, y]\n", pointer="/a/1") == "a: [x, 1.3.0]\n"
    assert edited("- \n- y\n", pointer="/0") == "- 1.3.0 \n- y\n"
    assert edited("s: &s {tag: x}\na: *s\n", pointer="/a/tag") == "s: &s {tag: 1.3.0}\na: *s\n"
    text = "x: &x\n  s: {tag: a}\ny:\n  <<: *x\n"
    assert edited(text, pointer="/y/s/tag") == text.replace("tag: a", "tag: 1.3.0")
    assert edited("a/b~c:\n  '<<': x\n", pointer="/a~1b~0c/<<") == "a/b~c:\n  '<<': 1.3.0\n"


def test_the_document_is_counted_like_the_reader_counts():
    text = "# nothing\n---\n---\na: 1\n--- # the second\n~\n---\n\n\ntag: x # this\n...\n---\ntag: x\n"
    edit = PinEdit(pointer="/tag", value="z")
    assert edit_document(text.encode(), 1, [edit]).decode() == text.replace("x # this", "z # this")
    assert edit_document(text.encode(), 2, [edit]).decode() == text[:-2] + "z\n"


def test_a_document_that_only_the_exact_parser_can_place_is_found():
    text = "# one\x85# two\ntag: x\n---\na: [b:c]\n"
    assert edited(text, "z") == text.replace("tag: x", "tag: z")


def test_anchors_of_one_name_are_told_apart_by_their_order():
    text = "a: &v 1.0.0\nb: *v\nc: &v 1.1.0\ntag: *v\n"
    assert edited(text) == text.replace("1.1.0", "1.3.0")


def test_an_anchor_of_a_key_is_none():
    text = "a: &v 1.0.0\n&v b: c\ntag: *v\n"
    assert edited(text) == text.replace("1.0.0", "1.3.0")


def test_mistakes_in_other_documents_do_not_matter_and_stay():
    text = "a: !x 1\n---\ntag: 1.2.0\n---\nb: 1\nb: 2\n"
    assert edit_document(text.encode(), 1, [PinEdit(pointer="/tag", value=NEW)]).decode() == text.replace("1.2.0", NEW)


def test_several_values_are_changed_at_once():
    text = "image: a\ntag: x\ndigest: y # c\n"
    edits = [PinEdit(pointer="/digest", value=DIGEST), PinEdit(pointer="/tag", value="z")]
    assert edit_document(text.encode(), 0, edits).decode() == f"image: a\ntag: z\ndigest: {DIGEST} # c\n"
    assert edit_document(text.encode(), 0, []) == text.encode()
