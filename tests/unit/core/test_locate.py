from __future__ import annotations

import pytest

from agent.core.locate import Locator

TEXT = b"""\
~
---
a: {b: [x, 1.10]}
---
base: &base {p: 1}
both: {<<: [*base, 5], q: 2, ? [k] : 3}
quoted: {"<<": {z: 1}}
empty:
"""


@pytest.mark.parametrize(
    ("index", "pointer", "place"),
    [
        (0, "", (3, 1)),
        (0, "/a", (3, 1)),
        (0, "/a/b/1", (3, 12)),
        (0, "/a/b/7", (3, 5)),
        (0, "/a/b/x", (3, 5)),
        (0, "/a/b/0/deeper", (3, 9)),
        (1, "/both/q", (6, 24)),
        (1, "/both/p", (5, 14)),
        (1, "/both/z", (6, 1)),
        (1, "/quoted/z", (7, 1)),
        (1, "/empty", (8, 1)),
        (2, "", None),
        (9, "/a", None),
    ],
)
def test_a_pointer_leads_to_the_nearest_place(index, pointer, place):
    assert Locator(TEXT, 9).place(index, pointer) == place


@pytest.mark.parametrize(
    ("index", "pointer", "written"),
    [(0, "/a/b/1", "1.10"), (0, "/a/b", None), (1, "/quoted/<<", None), (1, "/empty", None), (7, "/a", None)],
)
def test_a_number_is_given_as_it_is_written(index, pointer, written):
    assert Locator(TEXT, 9).written(index, pointer) == written


def test_documents_behind_the_readable_ones_are_not_looked_at():
    deep = b"a: 1\n---\n" + b"[" * 100_000
    assert Locator(deep, 1).place(0, "/a") == (1, 1)


def test_places_are_found_beside_unquoted_addresses():
    text = b"# c\n---\n---\na: {u: http://b, v: 1.10}\nb: &x 1\nc: &x 2\n"
    assert Locator(text, 1).place(0, "/a/v") == (4, 18)
    assert Locator(text, 1).written(0, "/a/v") == "1.10"


def test_what_cannot_be_composed_has_no_places():
    assert Locator(b"a: *nothing\n", 1).place(0, "/a") is None
