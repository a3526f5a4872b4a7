"""Bodies from strangers: what is decoded, what is refused, and how missing things are told."""

from __future__ import annotations

import pytest

from agent.core.delivery import Delivery, Malformed
from agent.core.webhooks.reading import (
    DEPTH,
    as_object,
    at,
    form_fields,
    is_form,
    items,
    payload,
    read_json,
    required,
    required_items,
    text,
    word,
)

FORM = {"content-type": b"Application/X-WWW-Form-Urlencoded; charset=utf-8"}


def nested(levels):
    return b"[" * levels + b"]" * levels


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b'\xef\xbb\xbf{"a": "\xc3\xa9"}', {"a": "é"}),
        (b'"\\ud83d\\ude80"', "🚀"),
        (nested(DEPTH)[:0] + b"[[1], [[2]]]", [[1], [[2]]]),
        (b'["' + b"[" * 500 + b'"]', ["[" * 500]),
    ],
)
def test_json_is_decoded(raw, value):
    assert read_json(raw) == value


def test_nesting_up_to_the_limit_is_decoded():
    assert read_json(nested(DEPTH))
    assert read_json(b'[{"a": ' * (DEPTH // 2) + b"1" + b"}]" * (DEPTH // 2))


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (b"", "line 1, column 1"),
        (b"\n{", "line 2"),
        (b'{"secret": "s3cret" oops', "something else"),
        (b'{"a": "\xff"}', "not UTF-8"),
        (b"\xff\xfe{\x00}\x00", "not UTF-8"),
        (b'"\xed\xa0\x80"', "not UTF-8"),
        (b'{"a": "\\ud800"}', "not UTF-8"),
        (b'{"\\uDFFF": 1}', "not UTF-8"),
        (b"[NaN]", "a number"),
        (b"[-Infinity]", "a number"),
        (b"[" + b"9" * 5000 + b"]", "a number"),
        (nested(100_000), "too many levels"),
        (nested(DEPTH + 1), "expected at most 64 levels"),
        (b'{"a":' * (DEPTH + 1) + b"1" + b"}" * (DEPTH + 1), "expected at most 64 levels"),
    ],
)
def test_anything_else_is_refused_without_showing_it(raw, found):
    with pytest.raises(Malformed, match="body") as error:
        read_json(raw)
    assert found in str(error.value)
    assert "s3cret" not in str(error.value)


@pytest.mark.parametrize(
    ("delivery", "found"),
    [
        (Delivery(headers={}, body=b"{}"), b"{}"),
        (Delivery(headers=FORM, body=b"a=1&payload=%7B%22b%22%3A+%22%2B%22%7D"), b'{"b": "+"}'),
        (Delivery(headers=FORM, body=b"payload="), b""),
        (Delivery(headers=FORM, body=b"a=1"), b""),
        (Delivery(headers=FORM, body=b' {"a": 1}'), b' {"a": 1}'),
        (Delivery(headers=FORM, body=b"[1]"), b"[1]"),
        (Delivery(method="get", headers={}, query="payload=%7B%7D"), b"{}"),
        (Delivery(method="GET", headers={}, query="a=\ud800"), b""),
        (Delivery(method="GET", headers={}, body=b"{}", query="payload=1"), b"{}"),
        (Delivery(method="POST", headers={}, query="payload=%7B%7D"), b""),
    ],
)
def test_the_payload_is_where_the_sender_put_it(delivery, found):
    assert payload(delivery) == found


def test_a_form_has_fields():
    delivery = Delivery(headers=FORM, body=b"image=a%2Fb&tag=1&empty=&bad=%FF")
    assert is_form(delivery)
    assert form_fields(delivery) == {"image": "a/b", "tag": "1", "bad": "�"}


def test_a_path_leads_as_far_as_there_is_something():
    body = {"a": {"b": [1]}}
    assert at(body, "a", "b") == [1]
    assert at(body, "a", "c") is None
    assert at(body, "a", "b", "c") is None
    assert at(None, "a") is None


@pytest.mark.parametrize(
    ("value", "line"),
    [(" main ", "main"), ("", None), ("  ", None), ("a\nb", None), ("a\x7f", None), ("x" * 1025, None), (1, None)],
)
def test_a_text_is_one_line(value, line):
    assert text(value) == line


@pytest.mark.parametrize(
    ("value", "found"), [(7, "7"), (1.5, "1.5"), ("x", "x"), (True, None), (None, None), ([], None)]
)
def test_an_id_is_a_word_or_a_number(value, found):
    assert word(value) == found


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (None, "nothing"),
        (True, "a truth value"),
        (1, "a number"),
        ("\n", "an unusable text"),
        ([], "a list"),
        ({}, "an object"),
    ],
)
def test_what_is_missing_is_told_with_what_is_there(value, found):
    with pytest.raises(Malformed, match=f"at a.b, found {found}$"):
        required({"a": {"b": value}}, "a", "b")


def test_objects_and_lists_are_asked_for():
    assert as_object({"a": 1}) == {"a": 1}
    assert items([1]) == [1]
    assert items("1") == []
    assert required_items({"a": [1]}, "a") == [1]
    with pytest.raises(Malformed, match="data: expected an object, found a text"):
        as_object("x", "data")
    with pytest.raises(Malformed, match="expected a list at a, found nothing"):
        required_items({}, "a")
