"""Files in any style, edited: the pin is what was wanted, and no byte outside it is another."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.core.edit import CannotEdit, edit_document
from agent.core.pins import PinEdit
from agent.core.yaml_reader import read_yaml

many = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])

strange = st.sampled_from(
    [
        *("1.10", "007", "0x1F", "0o17", "1_000", "12e03", "on", "No", "y", "null", "true", "2024-01-01", "1.", "2"),
        *("_", "1e400", "0b1", "latest", "v1.2.3", "1.2.3-alpine", "0", "00", "1.0e5", "9" * 20, "a" * 128),
    ]
)
tags = st.from_regex(re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}", re.ASCII), fullmatch=True)
commits = st.one_of(
    st.text("0123456789abcdef", min_size=40, max_size=40),
    st.text("0123456789", min_size=40, max_size=40),
    st.from_regex(re.compile(r"[0-9]{36}e[0-9]{3}", re.ASCII), fullmatch=True),
)
digests = st.text("0123456789abcdef", min_size=64, max_size=64).map(lambda hexadecimal: f"sha256:{hexadecimal}")
pins = st.one_of(strange, tags, commits, digests)
values = st.sampled_from(
    ["shop/web", '"a # b"', "'it''s'", "80", "[a, b]", "{a: 'b'}", "naïve 😀", "", "!!str 1", "&x y"]
)
comments = st.sampled_from(["", "", "  # why", "\t# grüße 😀", " #", "   "])
others = st.sampled_from(
    [
        "kind: Registry\nname: other",
        "{a: b}",
        "# nothing but a comment",
        "tag: 1\ntags: [a]",
        "text: |\n  one\n  --- two",
        "a: &v 1\nb: *v",
        "url: [http://x:1]",
    ]
)


@dataclass(frozen=True, slots=True)
class File:
    """A generated file: its bytes, the number of the document, and where what is edited begins and ends."""

    data: bytes
    number: int
    start: int
    end: int

    @property
    def old(self) -> bytes:
        return self.data[self.start : self.end]


@st.composite
def files(draw: st.DrawFn, written: str, name: str, *, flow: bool = False) -> File:
    """A file with `/source/<name>` written as `written` ("" leaves the key out)."""
    ending = draw(st.sampled_from(["\n", "\r\n"]))
    noise = st.lists(others.filter(lambda one: "http" not in one or "\t" not in written), max_size=2)
    before, after = draw(noise), draw(noise)
    commented = any(part.startswith("#") for part in (*before, *after))
    separator = draw(st.sampled_from(["---", "--- # next"] if commented else ["---", "--- # next", "...\n---"]))
    mark = "\ufeff" if draw(st.booleans()) else ""
    document = draw(braces(written, name) if flow else block(written, name))
    parts = [*before, document, *after]
    text = f"\n{separator}\n".join(parts) + draw(st.sampled_from(["", "\n", "\n\n", "\n# end"]))
    if flow or "http" in text:
        # Such files are read by the parser that takes no tab between tokens.
        text = text.replace("\t", " ")
    head, tail = (part.replace("\n", ending).encode() for part in (mark + text).split("\0", 1))
    middle = written.replace("\n", ending).encode()
    number = sum(not one.startswith("#") for one in before)
    return File(head + middle + tail, number, len(head), len(head) + len(middle))


@st.composite
def entries(draw: st.DrawFn, name: str, written: str) -> list[str]:
    """Lines of the source without indentation and comments; the pin is a NUL."""
    keys = draw(st.permutations(["image", "port", "note", "zone"]))[: draw(st.integers(1, 4))]
    keys = [*keys, *([] if "image" in keys else ["image"])]
    lines = [f"{_key(draw, key)}{_colon(draw)}{draw(values) if key != 'image' else 'shop/web'}" for key in keys]
    if written:
        anchor = draw(st.sampled_from(["", "", "&pin ", "&pin !!str "])) if written[0] not in "\n[" else ""
        gap = "" if written[0] == "\n" else f"{_colon(draw)}{anchor}"
        lines.insert(draw(st.integers(0, len(lines))), f"{_key(draw, name)}{gap or ':'}\0")
    return lines


def _key(draw: st.DrawFn, key: str) -> str:
    quote = draw(st.sampled_from(["", "", "", "'", '"']))
    return f"{quote}{key}{quote}"


def _colon(draw: st.DrawFn) -> str:
    return draw(st.sampled_from([": ", ":  ", " : ", ":\t"]))


@st.composite
def block(draw: st.DrawFn, written: str, name: str) -> str:
    indent = " " * draw(st.integers(1, 8))
    lines: list[str] = []
    for line in draw(entries(name, written)):
        lines += draw(st.sampled_from([[], [], [""], [f"{indent}# é: {{"], ["# outside"]]))
        lines.append(f"{indent}{line}{draw(comments)}")
    source = "source:" + draw(comments) + "\n" + "\n".join(lines)
    return _around(draw, source, written)


@st.composite
def braces(draw: st.DrawFn, written: str, name: str) -> str:
    lines = draw(entries(name, written))
    if draw(st.booleans()):
        return _around(draw, "source: {" + ", ".join(lines) + "}" + draw(comments), written)
    text = "".join(f"   {line},{draw(comments)}\n" for line in lines[:-1]) + f"   {lines[-1]}{draw(comments)}\n"
    return _around(draw, "source: {\n" + text + " }", written)


def _around(draw: st.DrawFn, source: str, written: str) -> str:
    parts = draw(st.permutations(["kind: Workload", "name: shop # ünïcode", source, "env: {tag: 1.2}"]))
    return "\n".join(parts) + ("" if written else "\0")


def quoted_as(style: str, text: str) -> str:
    return f"{style}{text}{style}"


def value_of(data: bytes, number: int, name: str) -> object:
    documents, stop = read_yaml(data)
    assert stop is None
    assert documents[number].flaws == []
    value = documents[number].value
    assert isinstance(value, dict)
    return value["source"].get(name)


def rest_of(data: bytes, number: int, name: str) -> str:
    """Everything but the pin, with the types of all values."""
    documents, _ = read_yaml(data)
    documents[number].value["source"].pop(name, None)
    sorted_source = sorted(documents[number].value.pop("source").items())
    return repr(([one.value for one in documents], sorted_source))


def common(one: bytes, other: bytes) -> int:
    """How many bytes both begin with."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((number for number, (left, right) in pairs if left != right), min(len(one), len(other)))


@many
@given(data=st.data(), old=pins, new=pins, style=st.sampled_from(["", "", "'", '"']), flow=st.booleans())
def test_no_byte_outside_the_pin_changes(data, old, new, style, flow):
    if re.fullmatch(r"[0-9]{19,}|[0-9.]+[eE][-+0-9]+", old):
        style = style or "'"  # without quotes such a number is a mistake
    file = data.draw(files(quoted_as(style, old), "tag", flow=flow))
    was = value_of(file.data, file.number, "tag")
    edit = PinEdit(pointer="/source/tag", value=new, after="/source/image")
    result = edit_document(file.data, file.number, [edit])
    assert value_of(result, file.number, "tag") == new
    assert rest_of(result, file.number, "tag") == rest_of(file.data, file.number, "tag")
    assert result.startswith(file.data[: file.start])
    assert result.endswith(file.data[file.end :])
    written = result[file.start : len(result) - len(file.data) + file.end].decode()
    assert written in ({quoted_as(style, new)} if style else {new, f'"{new}"'})
    assert edit_document(result, file.number, [edit]) == result
    if was == new:
        assert result == file.data
    elif style or (written == new and re.fullmatch(r"v.*|latest|sha256:.*", old) and not flow):
        assert edit_document(result, file.number, [PinEdit(pointer="/source/tag", value=old)]) == file.data


@many
@given(data=st.data(), new=pins, flow=st.booleans())
def test_a_missing_key_is_added_and_nothing_is_taken_away(data, new, flow):
    file = data.draw(files("", "tag", flow=flow))
    edit = PinEdit(pointer="/source/tag", value=new, after="/source/image")
    result = edit_document(file.data, file.number, [edit])
    assert value_of(result, file.number, "tag") == new
    assert rest_of(result, file.number, "tag") == rest_of(file.data, file.number, "tag")
    inserted_at_once = common(file.data, result) + common(file.data[::-1], result[::-1]) >= len(file.data)
    # A comma may have to go before a comment, so what is added may be in two pieces.
    assert inserted_at_once or (flow and _is_part(file.data, result))
    lines = result.count(b"\n") - file.data.count(b"\n")
    assert lines in ({0, 1} if flow else {1})
    assert result.count(b"\r") - file.data.count(b"\r") == (lines if b"\r" in file.data else 0)


def _is_part(short: bytes, long: bytes) -> bool:
    """Whether all bytes of `short` are in `long` in their order."""
    following = iter(long)
    return all(byte in following for byte in short)


@st.composite
def lines_of(draw: st.DrawFn, names: list[str]) -> list[str]:
    """Entries of a list, each on its line."""
    indent = " " * draw(st.integers(9, 12))
    dash = draw(st.sampled_from(["- ", "-   "]))
    quotes = st.sampled_from(["'", '"'])
    return [f"{indent}{dash}{quoted_as(draw(quotes), one)}{draw(comments)}" for one in names]


distinct = st.lists(pins, min_size=2, max_size=5, unique=True)


@many
@given(data=st.data(), names=distinct, keep=st.integers(1, 4))
def test_a_new_version_in_front_is_one_line_more_and_old_ones_are_lines_less(data, names, keep):
    new, *old = names
    lines = data.draw(lines_of(old))
    file = data.draw(files("\n" + "\n".join(lines), "tags"))
    kept = old[:keep]
    result = edit_document(file.data, file.number, [PinEdit(pointer="/source/tags", value=(new, *kept))])
    assert value_of(result, file.number, "tags") == [new, *kept]
    first = lines[0]
    quote = first.lstrip(" -")[0]
    line = f"{first[: first.index(quote)]}{quoted_as(quote, new)}"
    ending = "\r\n" if b"\r\n" in file.data else "\n"
    expected = ending + ending.join([line, *lines[: len(kept)]])
    # The comment of the source's line that follows the list belongs to its last line.
    head, tail = file.data[: file.start], file.data[file.end :]
    if len(kept) < len(old):
        tail = tail[len(tail) - len(tail.lstrip(b" \t")) :] if tail[:1] in b" \t" else tail
        tail = re.sub(rb"\A#[^\r\n]*", b"", tail)
    assert result == head + expected.encode() + tail


@many
@given(data=st.data(), old=distinct, wanted=st.lists(pins, max_size=5, unique=True), shape=st.sampled_from("[]\n"))
def test_any_list_becomes_any_other(data, old, wanted, shape):
    wanted = data.draw(st.permutations([*wanted, *data.draw(st.lists(st.sampled_from(old), unique=True))]))
    flow = shape != "\n"
    body = "\n" + "\n".join(data.draw(lines_of(old))) if not flow else "['" + "', '".join(old) + "']"
    file = data.draw(files(body, "tags", flow=shape == "]"))
    edit = PinEdit(pointer="/source/tags", value=tuple(wanted))
    result = edit_document(file.data, file.number, [edit])
    assert value_of(result, file.number, "tags") == wanted
    assert rest_of(result, file.number, "tags") == rest_of(file.data, file.number, "tags")
    assert result.startswith(file.data[: file.start] if wanted or flow else b"")
    assert result.endswith(re.sub(rb"\A[ \t]*(#[^\r\n]*)?", b"", file.data[file.end :]))
    assert edit_document(result, file.number, [edit]) == result


@many
@given(data=st.data(), new=st.text(), style=st.sampled_from(["", "'", '"']), flow=st.booleans())
def test_any_text_is_written_or_refused(data, new, style, flow):
    file = data.draw(files(quoted_as(style, "old"), "tag", flow=flow))
    try:
        result = edit_document(file.data, file.number, [PinEdit(pointer="/source/tag", value=new)])
    except CannotEdit:
        assert "\0" in new or any("\ud800" <= character <= "\udfff" for character in new)
    else:
        assert value_of(result, file.number, "tag") == new


def edited_or_refused(data: bytes, pointer: str, number: int) -> None:
    """Any other error than the declared one goes through."""
    for value in ("x", ("x", "b"), ()):
        with suppress(CannotEdit):
            result = edit_document(data, number, [PinEdit(pointer=pointer, value=value)])
            assert read_yaml(result)[1] is None


@many
@given(data=st.binary(max_size=60), pointer=st.sampled_from(["/a", "/a/b", "/0", "", "a"]), number=st.integers(-1, 2))
def test_no_bytes_make_it_raise_anything_else(data, pointer, number):
    edited_or_refused(data, pointer, number)


parts = st.lists(
    st.sampled_from(
        [
            *"ab:-?,[]{}&*!|>'\"# \n~<.+",
            "\n ",
            "\n  - ",
            ": ",
            ", ",
            "&x ",
            "*x",
            "!!str ",
            "<<: ",
            "a: ",
            "\r\n",
            "\x85",
            "\ufeff",
        ]
    ),
    max_size=14,
).map("".join)


@settings(max_examples=500, deadline=None)
@given(
    middle=st.sampled_from(["", "a: ", "a:\n", "\na: b\n", "{a: ", "{a", "a: [", "a:\n- b\n"]),
    before=parts,
    behind=parts,
)
def test_no_text_makes_it_raise_anything_else(middle, before, behind):
    for text in (middle + behind, before + middle + behind):
        edited_or_refused(text.encode(), "/a", 0)
