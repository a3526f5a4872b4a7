from __future__ import annotations

import json
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from support.documents import ALL_SCHEMAS

from agent.core.parsed import parse_file
from agent.core.tree import MAX_BYTES
from agent.core.yaml_reader import MAX_DEPTH, read_yaml


def value(text: str) -> object:
    documents, stop = read_yaml(text.encode())
    assert stop is None
    assert [flaw.code for document in documents for flaw in document.flaws] == []
    return documents[0].value


def flaw(text: str | bytes) -> tuple[str, int, int]:
    """Code and place of the one thing that is wrong."""
    documents, stop = read_yaml(text if isinstance(text, bytes) else text.encode())
    found = [one for document in documents for one in document.flaws] + ([stop] if stop else [])
    assert len(found) == 1, found
    return found[0].code, found[0].line, found[0].column


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no", "no"),
        ("yes", "yes"),
        ("22:22", "22:22"),
        ("0644", "0644"),
        ("1_000", "1_000"),
        ("0x10", "0x10"),
        ("+1", "+1"),
        ("2024-01-01", "2024-01-01"),
        (".inf", ".inf"),
        ("1.4.2", "1.4.2"),
        ("3f9a2c71", "3f9a2c71"),
        ("-", None),
        ("true", True),
        ("False", False),
        ("~", None),
        ("null", None),
        ("nothing", "nothing"),
        ("8080", 8080),
        ("-1", -1),
        ("0.5", 0.5),
        ("1e3", 1000.0),
        ("1234567890123456789.5", 1234567890123456789.5),
        ('"8080"', "8080"),
        ("'true'", "true"),
        ("!!str 5", "5"),
        ("! 5", "5"),
        ("!!int 5", 5),
        ("!!float 5", 5),
        ("!!bool true", True),
    ],
)
def test_only_what_json_would_read_as_a_number_is_one(text, expected):
    assert value(f"a: {text}\n" if text != "-" else "a:\n") == {"a": expected}


def test_keys_are_text():
    assert value("8080: a\ntrue: b\nnull: c\n") == {"8080": "a", "true": "b", "null": "c"}


def test_several_documents_have_their_places_and_empty_ones_are_left_out():
    documents, stop = read_yaml(b"# first\na: 1\n---\n---\n\n  b: 2\n...\n")
    assert stop is None
    assert [(one.value, one.line, one.column) for one in documents] == [({"a": 1}, 2, 1), ({"b": 2}, 6, 3)]


def test_the_places_of_top_level_keys_are_known():
    documents, _ = read_yaml(b"a: {x: 1}\nb:\n- 2\n")
    assert documents[0].places == [1, 1, 2, 1]


def test_an_anchor_is_repeated_where_its_alias_stands():
    assert value("a: &x [1, 2]\nb: *x\nc: &y text\nd: *y\n") == {"a": [1, 2], "b": [1, 2], "c": "text", "d": "text"}


def test_merged_keys_lose_against_own_keys_and_earlier_ones_win():
    text = """
    a: &a {p: 1, q: 1}
    b: &b {q: 2, r: 2}
    c: {r: 3, <<: [*a, *b]}
    d: {<<: *a, q: 4}
    """
    merged = value(text)
    assert merged["c"] == {"r": 3, "p": 1, "q": 1}
    assert merged["d"] == {"q": 4, "p": 1}


def test_a_quoted_merge_key_is_an_ordinary_key():
    assert value('a: {"<<": 1}') == {"a": {"<<": 1}}


def test_a_byte_order_mark_is_ignored():
    assert read_yaml(b"\xef\xbb\xbfa: 1\n")[0][0].value == {"a": 1}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: 2\na: 3\n", ("DuplicateKey", 3, 1)),
        ("s:\n  a: 1\n  a: 2\n", ("DuplicateKey", 3, 3)),
        ("1: a\n'1': b\n", ("DuplicateKey", 2, 1)),
        ("a:\n\tb: 1\n", ("TabIndentation", 2, 1)),
        ("a: @b\n", ("InvalidYaml", 1, 4)),
        ("a: b: c\n", ("InvalidYaml", 1, 5)),
        ("a: [1\nb: 2\n", ("InvalidYaml", 2, 2)),
        ('a: "\\ud800"\n', ("InvalidYaml", 1, 7)),
        ("%YAML 3.0\n---\na\n", ("InvalidYaml", 1, 1)),
        ("a: 1\nb: \x07\n", ("ControlCharacter", 2, 4)),
        ("a: \x00\n", ("ControlCharacter", 1, 4)),
        ('a: "\\0"\n', ("NulCharacter", 1, 4)),
        (b"a: b\xffc\n", ("NotUtf8", 1, 5)),
        ("ключ: 1\n".encode("utf-16"), ("NotUtf8", 1, 1)),
        (b"a: \xed\xa0\x80\n", ("NotUtf8", 1, 4)),
        ("a: *x\n", ("UnknownAnchor", 1, 4)),
        ("a: &x [*x]\n", ("UnknownAnchor", 1, 8)),
        ("a: !!python/object:os.system x\n", ("UnknownTag", 1, 4)),
        ("a: !mine {b: 1}\n", ("UnknownTag", 1, 4)),
        ("a: !!int x\n", ("WrongTag", 1, 4)),
        ("a: !!seq {b: 1}\n", ("WrongTag", 1, 4)),
        ("? [1, 2]\n: 3\n", ("KeyNotText", 1, 3)),
        ("a: {<<: 5}\n", ("InvalidMerge", 1, 9)),
        ("a: 12345678901234567890\n", ("NumberTooLarge", 1, 4)),
        ("a: 1e999\n", ("NumberTooLarge", 1, 4)),
        ("a: " + "9" * 10_000, ("NumberTooLarge", 1, 4)),
        ("[" * 100_000, ("TooComplex", 1, MAX_DEPTH + 1)),
        ("? " * 50_000, ("TooComplex", 1, 2 * MAX_DEPTH + 1)),
        ("a: [b, c:d, {e: f:g]\n", ("InvalidYaml", 1, 20)),
        ("a: [b:c]\nd: \x07", ("ControlCharacter", 2, 4)),
    ],
)
def test_what_is_wrong_has_a_name_and_a_place(text, expected):
    assert flaw(text) == expected


def test_a_file_over_the_limit_is_not_read():
    assert flaw(b"#" * (MAX_BYTES + 1))[0] == "FileTooLarge"


def test_a_bomb_of_aliases_is_stopped_before_it_unfolds():
    lines = ["- &a [x, x, x, x, x, x, x, x, x, x]"]
    lines += [
        f"- &{name} [{', '.join([f'*{before}'] * 10)}]" for before, name in zip("abcdefg", "bcdefgh", strict=True)
    ]
    assert flaw("\n".join(lines))[0] == "TooComplex"


def test_aliases_cannot_pile_up_depth():
    lines = ["- &a0 [x]"] + [f"- &a{n} [*a{n - 1}]" for n in range(1, MAX_DEPTH + 1)]
    assert flaw("\n".join(lines))[0] == "TooComplex"


def test_many_values_are_too_many():
    assert flaw("- x\n" * 150_000)[0] == "TooComplex"


def test_the_documents_before_a_syntax_error_are_read():
    documents, stop = read_yaml(b"a: 1\n---\nb: [\n")
    assert [one.value for one in documents] == [{"a": 1}]
    assert stop is not None


def test_addresses_need_no_quotes_inside_braces_and_brackets():
    text = "repo: {url: https://git.example.com/x, at: [127.0.0.1:80:80, 08:00]}\nb: !!str 5\nc: &c [1]\nd: *c\n"
    assert value(text) == {
        "repo": {"url": "https://git.example.com/x", "at": ["127.0.0.1:80:80", "08:00"]},
        "b": "5",
        "c": [1],
        "d": [1],
    }


def test_a_large_file_with_such_an_address_needs_quotes():
    documents, stop = read_yaml(b"#" * 70_000 + b"\na: {b: https://c}\n")
    assert (documents, stop.line, "quotes" in stop.fix) == ([], 2, True)


def test_a_syntax_error_says_what_to_do():
    assert "quotes" in read_yaml(b"a: b: c\n")[1].fix
    assert "quotes" in read_yaml(b"a: @b\n")[1].fix
    assert "indentation" in read_yaml(b"a: [1\nb: 2\n")[1].fix


TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"], exclude_characters="\ufeff"), max_size=20
)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**16), 10**16)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


@given(json_values)
@settings(max_examples=200, deadline=None)
def test_json_is_read_as_json_reads_it(content):
    assert value(json.dumps({"content": content}, ensure_ascii=False)) == {"content": content}


snippets = st.sampled_from(
    [
        "a:",
        " ",
        "\n",
        "- ",
        "[",
        "]",
        "{",
        "}",
        "&x ",
        "*x",
        "<<: ",
        "!!str ",
        "!",
        "? ",
        ": ",
        '"',
        "'",
        "|",
        ">",
        "#",
        "---\n",
        "...\n",
        "%YAML 1.2\n",
        "\t",
        "\\",
        "\x00",
        "é",
        "kind: Workload\n",
        "name: web\n",
        "source: ",
        "1e9",
        ",",
    ]
)


@given(st.binary(max_size=200) | st.lists(snippets, max_size=40).map(lambda parts: "".join(parts).encode()))
@settings(max_examples=1500, deadline=None)
def test_no_bytes_whatsoever_make_reading_raise(data):
    parsed = parse_file(data, ALL_SCHEMAS)
    assert parsed.stop is None or parsed.stop.line >= 1
    for document in parsed.documents:
        assert all(one.line >= 1 and one.column >= 1 and one.code and one.expected for one in document.flaws)


def test_a_deeply_nested_file_leaves_the_recursion_limit_alone():
    before = sys.getrecursionlimit()
    read_yaml(b"a: " + b"{b: " * 1000)
    assert sys.getrecursionlimit() == before


def test_typical_documents_are_read_as_ruamel_reads_them():
    text = """
    kind: Workload
    name: shop
    env: {A: b, C: "d", E: 'f'}
    command: [./serve, --listen, "0.0.0.0:8080"]
    note: |
      two
      lines
    folded: >-
      one
      line
    n: 5
    f: 0.5
    t: true
    nothing:
    """
    assert value(text) == YAML(typ="safe").load(text)
