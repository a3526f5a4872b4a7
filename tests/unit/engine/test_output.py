"""Log lines are whole, readable and bounded, whatever a container writes."""

from __future__ import annotations

import pytest

from agent.engine.output import LINE_LIMIT, clean, frames, lines_of


def frame(content: bytes, stream: int = 1) -> bytes:
    return bytes([stream, 0, 0, 0]) + len(content).to_bytes(4, "big") + content


def lines(*contents: bytes) -> list[str]:
    return list(lines_of((1, content) for content in contents))


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("plain\ttext ü", "plain\ttext ü"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("a\x00b\x08c\x7fd\x9be\rf", "abcdef"),
    ],
)
def test_control_characters_do_not_reach_a_terminal_or_a_page(line, shown):
    assert clean(line) == shown


def test_long_lines_are_cut():
    assert clean("x" * 5000) == "x" * LINE_LIMIT + "…"


def test_lines_are_whole_however_they_arrive():
    assert lines(b"on", b"e\ntwo\r\nth", b"ree") == ["one", "two", "three"]
    assert lines(b"one\n", b"\n") == ["one", ""]
    assert lines() == []


def test_bytes_that_are_no_text_are_replaced():
    assert lines(b"a\xff\n") == ["a\ufffd"]


def test_a_line_without_end_takes_no_more_than_its_limit():
    found = lines(*[b"x" * 6000 for _ in range(100)], b"end\nnext\n")
    assert [len(line) for line in found] == [LINE_LIMIT + 1, 4]
    assert found[1] == "next"


def test_half_a_line_of_one_stream_is_not_mixed_with_the_other():
    assert list(lines_of([(1, b"out"), (2, b"error\n"), (1, b"put\n"), (2, b"end")])) == ["error", "output", "end"]


@pytest.mark.parametrize("size", [1, 3, 8, 9, 1000])
def test_frames_are_read_wherever_the_pieces_end(size):
    data = frame(b"one\n") + frame(b"") + frame(b"error\n", 2) + frame(b"x" * 300 + b"\n")
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    assert list(lines_of(frames(pieces))) == ["one", "error", "x" * 300]


def test_a_stream_that_breaks_off_keeps_what_came():
    assert list(lines_of(frames([frame(b"one\n"), frame(b"two\n")[:10]]))) == ["one", "tw"]
