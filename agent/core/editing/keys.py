"""A key that is not there yet: behind which neighbour it goes, and how it looks there."""

from __future__ import annotations

from agent.core.editing.lines import (
    Splice,
    lead,
    line_break,
    line_end,
    line_start,
    owns_line,
    rest_of_line,
)
from agent.core.editing.nodes import Node, written_end
from agent.core.editing.scalars import listed, quotes, written

Value = str | tuple[str, ...]


def key_splices(text: str, mapping: Node, after: str, name: str, value: Value) -> list[Splice]:
    """Writes a key with its value into a mapping, behind the key `after` if that is there."""
    if not mapping.pairs:
        entry = f"{written(name, flow=True)}: {_value(value, '', flow=True)}"
        return [Splice(mapping.content + 1, mapping.content + 1, entry)]
    key, neighbour = _neighbour(mapping, after)
    flow = mapping.flow or mapping.inside
    entry = f"{written(name, quotes(key), flow=flow)}: {_value(value, quotes(neighbour), flow=flow)}"
    end = key.end if neighbour.empty else written_end(text, neighbour)
    if flow:
        return flow_splices(text, key.start, end, [entry])
    stop = line_end(text, end)
    return [Splice(stop, stop, f"{line_break(text, stop)}{' ' * _column(text, key)}{entry}")]


def _value(value: Value, style: str, *, flow: bool) -> str:
    return written(value, style, flow=flow) if isinstance(value, str) else listed(value, style)


def _neighbour(mapping: Node, after: str) -> tuple[Node, Node]:
    """The sibling; where it is not written here, the merge that brings it, or else the last pair."""
    named = [pair for pair in mapping.pairs if pair[0].text == after and not pair[0].merges]
    return next(iter(named or [pair for pair in mapping.pairs if pair[0].merges]), mapping.pairs[-1])


def _column(text: str, key: Node) -> int:
    before = lead(text, key.start)
    if before.rstrip().endswith("?"):
        return len(before.rstrip()) - 1
    return key.start - line_start(text, key.start)


def flow_splices(text: str, start: int, end: int, entries: list[str]) -> list[Splice]:
    """Writes entries inside brackets behind the one from `start` up to `end`: on lines of their own if it has one."""
    rest = rest_of_line(text, end)
    if rest is None or not owns_line(text, start, end):
        return [Splice(end, end, "".join(f", {entry}" for entry in entries))]
    stop = line_end(text, end)
    between = f"{line_break(text, end)}{lead(text, start)}"
    if rest[1]:
        return [Splice(stop, stop, "".join(f"{between}{entry}," for entry in entries))]
    return [Splice(end, end, ","), Splice(stop, stop, between + f",{between}".join(entries))]
