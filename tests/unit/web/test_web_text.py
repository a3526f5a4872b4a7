"""Text from outside is made safe to read, and times and images are taken apart for people."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.web.views.text import clean, image, moment, one_line, short_commit, size_of, span

NOW = 1_795_480_200.0


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x9b1mbold", "bold"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b(Btext", "text"),
        ("a\x00b\x08c", "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}c"),
        ("exe.\N{RIGHT-TO-LEFT OVERRIDE}gpj", "exe.\N{REPLACEMENT CHARACTER}gpj"),
        ("\ud800", "\N{REPLACEMENT CHARACTER}"),
        ("zero\N{ZERO WIDTH SPACE}width", "zero\N{REPLACEMENT CHARACTER}width"),
        ("line\nnext\ttab", "line\nnext\ttab"),
        ("Привет, 世界 👩‍💻", "Привет, 世界 👩‍💻"),
    ],
)
def test_escape_sequences_vanish_and_invisible_characters_show(raw, shown):
    assert clean(raw) == shown


def test_a_long_text_is_cut_with_an_ellipsis():
    assert clean("x" * 50, 10) == "x" * 10 + "…"
    assert clean("x" * 10, 10) == "x" * 10


def test_an_escape_sequence_that_never_ends_hides_a_bounded_part_only():
    assert clean("\x1b]0;" + "x" * 5000, 9000).count("x") == 5000 - 4096 + 2


def test_one_line_joins_lines():
    assert one_line(" a\n b\t c ") == "a b c"


@given(st.text())
def test_nothing_invisible_is_left_whatever_comes_in(text):
    for character in clean(text):
        assert character in "\n\t\u00ad\u200c\u200d" or unicodedata.category(character) not in ("Cc", "Cf", "Cs")


def test_a_commit_is_shown_by_seven_characters_and_a_working_tree_by_its_word_too():
    assert short_commit("3f9a2c1b7d40e5a6") == "3f9a2c1"
    assert short_commit("worktree-5c1e8f0277aa41d2") == "worktree-5c1e8f0"
    assert short_commit(None) == ""


@pytest.mark.parametrize(
    ("stamp", "key", "count"),
    [
        ("2026-11-24T00:29:58.000Z", "age.now", 2),
        ("2026-11-24T00:29:50.000Z", "age.seconds", 10),
        ("2026-11-24T00:26:00Z", "age.minutes", 4),
        ("2026-11-23T22:30:00+00:00", "age.hours", 2),
        ("2026-11-12T00:30:00Z", "age.days", 12),
        ("2026-11-24T00:31:35Z", "in.minutes", 1),
        ("2026-11-24T00:26:00", "age.minutes", 4),
    ],
)
def test_a_time_says_how_far_away_it_is(stamp, key, count):
    found = moment(stamp, NOW)
    assert found is not None
    assert (found.age, found.count) == (key, count)


def test_a_time_has_a_day_and_a_time_of_day_in_utc():
    found = moment("2026-11-24T01:26:00+01:00", NOW)
    assert found is not None
    assert (found.day, found.clock, found.text) == ("2026-11-24", "00:26:00", "2026-11-24 00:26:00 UTC")


@pytest.mark.parametrize("stamp", ["yesterday", "9999-99-99", "0001-01-01T00:00:00+23:59"])
def test_a_time_that_cannot_be_read_is_shown_as_it_is(stamp):
    found = moment(stamp, NOW)
    assert found is not None
    assert (found.text, found.clock, found.day, found.age) == (stamp, stamp, "", "")


@pytest.mark.parametrize("stamp", [None, ""])
def test_no_time_is_no_moment(stamp):
    assert moment(stamp, NOW) is None


@pytest.mark.parametrize(
    ("reference", "parts"),
    [
        ("registry.example.com:5000/shop/web:1.4.2", ("registry.example.com:5000/shop/", "web", "1.4.2")),
        ("postgres", ("", "postgres", "")),
        ("a/b@sha256:0123456789abcdef0123", ("a/", "b", "0123456789ab")),
        ("a/b:1@sha256:0123456789abcdef0123", ("a/", "b", "1")),
    ],
)
def test_an_image_is_taken_apart_into_place_name_and_version(reference, parts):
    found = image(reference)
    assert found is not None
    assert (found.place, found.name, found.version) == parts
    assert found.full == reference


def test_no_image_has_no_parts():
    assert image(None) is None


@pytest.mark.parametrize(
    ("seconds", "key", "count"),
    [
        (0, "span.ms", 0),
        (0.00004, "span.ms", 1),
        (0.0031, "span.ms", 3),
        (0.9996, "span.s", 1),
        (1, "span.s", 1),
        (119.9, "span.s", 119),
        (120, "span.min", 2),
        (7199, "span.min", 119),
        (7200, "span.h", 2),
        (-5, "span.ms", 0),
        (float("nan"), "span.ms", 0),
        (float("inf"), "span.ms", 0),
    ],
)
def test_a_span_is_told_in_the_unit_that_fits(seconds, key, count):
    assert (span(seconds).key, span(seconds).count) == (key, count)


@pytest.mark.parametrize(
    ("size", "key", "count"),
    [
        (0, "size.b", 0),
        (-3, "size.b", 0),
        (1023, "size.b", 1023),
        (1024, "size.kib", 1),
        (6144, "size.kib", 6),
        (1048575, "size.kib", 1024),
        (5 * 1024 * 1024, "size.mib", 5),
    ],
)
def test_a_size_is_told_in_the_unit_that_fits(size, key, count):
    assert (size_of(size).key, size_of(size).count) == (key, count)
