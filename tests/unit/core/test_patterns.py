"""Globs against an oracle that tries every way to fill the stars, and expressions that cannot take anybody's time."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agent.core.patterns import (
    any_path_matches,
    check_glob,
    check_paths,
    check_pattern,
    compiled,
    found_in,
    glob_matches,
    wrong_paths,
)
from agent.core.values import InvalidValue

CLASSES = {"[ab]": "ab", "[a-c]": "abc", "[!a]": "bc.-", "[^ab]": "c.-", "[]a]": "]a", "[-a]": "-a", "[!-]": "abc.]"}
pieces = st.sampled_from(["a", "b", "c", ".", "/", "-", "?", "*", "**", "**/", "/**", "+", "(", "[", "é", *CLASSES])
globs = st.lists(pieces, min_size=1, max_size=6).map("".join)
texts = st.text("abc./-]+(é[", max_size=7)


def oracle(glob: str, text: str, *, at_start: bool = True) -> bool:
    if not glob:
        return not text
    if glob.startswith("**/") and at_start:
        rests = [text, *(text[place + 1 :] for place, letter in enumerate(text) if letter == "/")]
        return any(oracle(glob[3:], rest) for rest in rests)
    if glob.startswith("**"):
        return any(oracle(glob[2:], text[place:], at_start=False) for place in range(len(text) + 1))
    if glob[0] == "*":
        ends = range(len(text.partition("/")[0]) + 1)
        return any(oracle(glob[1:], text[place:], at_start=False) for place in ends)
    piece = next((one for one in CLASSES if glob.startswith(one)), glob[0])
    letters = CLASSES.get(piece, piece)
    if piece in CLASSES and piece[1] in "!^":
        fits = text[:1] not in ("", "/") and text[0] not in piece[2:-1]
    else:
        fits = text[:1] not in ("", "/") if piece == "?" else text[:1] != "" and text[0] in letters
    return fits and oracle(glob[len(piece) :], text[1:], at_start=piece == "/")


def is_plain(glob: str) -> bool:
    """Whether a bracket in it is a class of ours or none at all, so that the oracle reads it the same way."""
    for one in CLASSES:
        glob = glob.replace(one, "")
    return "[" not in glob or "]" not in glob


@given(globs.filter(is_plain), texts)
@example("**/a", "a")
@example("a/**/b", "a/b")
@example("a**/b", "a/x/b")
@example("[!a]", "/")
@settings(max_examples=250, deadline=None)
def test_a_glob_matches_what_the_oracle_says(glob, text):
    assert glob_matches(glob, text) == oracle(glob, text)


@pytest.mark.parametrize(
    ("glob", "text", "fits"),
    [
        ("web/**", "web/a/b", True),
        ("web/**", "web", False),
        ("**/*.md", "README.md", True),
        ("**/*.md", "a/b/README.md", True),
        ("*.md", "a/README.md", False),
        ("release/*", "release/1.2", True),
        ("release/*", "release/1/2", False),
        ("a?c", "abc", True),
        ("a?c", "a/c", False),
        ("a.c", "abc", False),
        ("[!]a]", "b", True),
        ("[!]a]", "]", False),
        ("[a-c", "[a-c", True),
        ("[]", "[]", True),
        ("[a-]", "-", True),
        (r"[\]", "\\", True),
        ("[a^]", "^", True),
        ("[[]", "[", True),
        ("A", "a", False),
        ("**", "a\nb", True),
        ("a", "a\n", False),
        ("", "", True),
        ("é?", "éa", True),
    ],
)
def test_globs(glob, text, fits):
    assert glob_matches(glob, text) == fits


@pytest.mark.parametrize(
    ("globs", "paths", "fits"),
    [
        (["web/"], ["web/a/b"], True),
        (["./web/"], ["web/a"], True),
        (["/web/"], ["web/a"], True),
        (["./a.txt"], ["a.txt"], True),
        (["/a.txt"], ["a.txt"], True),
        (["!docs/"], ["docs/a"], False),
        (["!docs/"], ["docs/a", "b"], True),
        (["!/docs/"], ["docs/a"], False),
        (["web/**", "!**/*.md"], ["web/a.md"], False),
        (["web/**", "!**/*.md"], ["web/a.md", "web/b.py"], True),
        (["web/**", "!**/*.md"], ["api/b.py"], False),
        (["!**/*.md", "web/**"], ["web/a.md"], False),
        (["web/**"], [], False),
        (["!a"], [], False),
    ],
)
def test_paths_are_let_in_and_left_out(globs, paths, fits):
    assert any_path_matches(globs, paths) == fits
    assert (wrong_paths(globs, paths) == "") == fits


def test_changes_that_nobody_knows_are_no_reason_not_to_fire():
    assert wrong_paths(["a"], None) == wrong_paths(None, ["b"]) == wrong_paths(None, None) == ""
    assert wrong_paths(["a", "!b"], ["b", "c"]) == "none of 2 changed paths matches a, !b"


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("^v1", "v1.2", True),
        ("1", "v1.2", True),
        ("^1", "v1.2", False),
        (None, None, True),
        (None, "a", True),
        ("a", None, False),
        ("", "", True),
        ("é", "café", True),
        ("a", "\ud800a", True),
        ("(a+)+$", "a" * 5000 + "b", False),
    ],
)
def test_an_expression_is_searched(pattern, text, fits):
    assert found_in(pattern, text) == fits


def test_text_with_half_a_character_fits_a_glob_as_well():
    assert glob_matches("a?", "a\ud800")


@pytest.mark.parametrize(
    "pattern", ["(", "[z-a]", "a**", r"(?=a)", r"(a)\1", "(?<!a)b", "a{1001}", "((a{100}){100}){100}"]
)
def test_what_is_no_expression_is_told_once_and_to_the_point(pattern):
    with pytest.raises(InvalidValue, match="an RE2 expression"):
        compiled(pattern)
    (found,) = check_pattern("/pattern", pattern)
    assert (found.pointer, found.code) == ("/pattern", "InvalidPattern")
    assert "RE2" in found.fix


def test_half_a_character_is_no_expression():
    (found,) = check_pattern("/pattern", "\ud800")
    assert (found.code, found.found) == ("InvalidPattern", "half a character")


@pytest.mark.parametrize("glob", ["a[z-a]", "\ud800", "[\ud800]"])
def test_a_glob_that_means_nothing_is_told(glob):
    (found,) = check_glob("/ref", glob)
    assert (found.pointer, found.code) == ("/ref", "InvalidPattern")
    assert [one.pointer for one in check_paths("/paths", ["ok", f"!{glob}", f"./{glob}/"])] == ["/paths/1", "/paths/2"]


@pytest.mark.parametrize("value", [None, 5, ["a"], {"a": 1}])
def test_what_is_of_another_type_is_left_to_the_schema(value):
    assert list(check_pattern("/a", value)) == list(check_glob("/a", value)) == []
    assert list(check_paths("/a", value if isinstance(value, dict) else [value, 5])) == []


@given(st.text(max_size=12), st.text(max_size=12))
def test_no_glob_and_no_expression_does_anything_but_match_or_be_refused(pattern, text):
    for check, use in ((check_glob, glob_matches), (check_pattern, found_in)):
        if not list(check("/a", pattern)):
            assert use(pattern, text) in (True, False)
