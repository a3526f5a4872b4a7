"""A list of texts made into another: what stays is not touched, what goes goes with its line and comment.

Works for lists in brackets and for lists of lines. Entries that come are written like those beside them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from agent.core.editing.keys import flow_splices
from agent.core.editing.lines import (
    Splice,
    comment_splices,
    lead,
    line_break,
    line_end,
    line_start,
    lines_splice,
    owns_line,
    rest_of_line,
)
from agent.core.editing.nodes import Node, written_end
from agent.core.editing.refusal import CannotEdit
from agent.core.editing.scalars import quotes, text_splices, written

_BEHIND_KEY = re.compile(r"\s*:(?:[ \t]+[&!]\S*)*")


def list_splices(text: str, node: Node, old: Sequence[object], new: tuple[str, ...]) -> list[Splice]:
    """Makes the list `node`, whose values are `old`, one of the texts `new`."""
    entries = _Flow(text, node) if node.flow else _Block(text, node)
    if not (old and new):
        return entries.whole(new)
    splices: list[Splice] = []
    known = [one if isinstance(one, str) else None for one in old]
    for word, first, last, new_first, new_last in SequenceMatcher(None, known, new, autojunk=False).get_opcodes():
        if word == "equal":
            continue
        shared = min(last - first, new_last - new_first)
        for number in range(shared):
            splices += entries.replaced(first + number, new[new_first + number])
        if last > first + shared:
            splices += entries.removed(first + shared, last - 1)
        if new_last > new_first + shared:
            splices += entries.added(first + shared - 1, new[new_first + shared : new_last])
    return splices


@dataclass(slots=True)
class _Entries:
    text: str
    node: Node

    def replaced(self, number: int, new: str) -> list[Splice]:
        item = self.node.items[number]
        if item.kind in {"mapping", "sequence"}:
            line = self.text.count("\n", 0, item.start) + 1
            raise CannotEdit(line, "a list of texts", f"a {item.kind} in it", "write one text an entry")
        end = written_end(self.text, item)
        return [*text_splices(self.text, item, new), *comment_splices(self.text, end)]


class _Block(_Entries):
    """Entries that begin with a dash."""

    def whole(self, _new: tuple[str, ...]) -> list[Splice]:
        """Only for no entries: a list of lines is never empty before."""
        key = self.node.key
        behind = None if key is None else _BEHIND_KEY.match(self.text, key.end)
        if behind is None:
            raise self._refused(self.node.start)
        return [Splice(behind.end(), behind.end(), " []"), *self.removed(0, len(self.node.items) - 1)]

    def removed(self, first: int, last: int) -> list[Splice]:
        start = self._dash(first)
        if lead(self.text, start).strip():
            raise self._refused(start)
        return [lines_splice(self.text, start, self._end(last))]

    def added(self, behind: int, new: tuple[str, ...]) -> list[Splice]:
        number = max(behind, 0)
        item, dash = self.node.items[number], self._dash(number)
        end = self._end(number)
        style = quotes(item)
        gap = self.text[dash + 1 : item.start]
        spaces = gap if gap and not gap.strip(" \t") else " "
        entries = [f"-{spaces}{written(one, style, flow=self.node.inside)}" for one in new]
        between = f"{line_break(self.text, end)}{' ' * (dash - line_start(self.text, dash))}"
        if behind < 0:
            return [Splice(dash, dash, "".join(f"{entry}{between}" for entry in entries))]
        stop = line_end(self.text, end)
        return [Splice(stop, stop, "".join(f"{between}{entry}" for entry in entries))]

    def _end(self, number: int) -> int:
        return written_end(self.text, self.node.items[number])

    def _dash(self, number: int) -> int:
        first = self.node.content
        if number == 0:
            return first
        column = first - line_start(self.text, first)
        dash = re.compile(rf"^ {{{column}}}-", re.MULTILINE)
        found = dash.search(self.text, self._end(number - 1), self.node.items[number].start)
        if found is None:
            raise self._refused(self.node.items[number].start)
        return found.end() - 1

    def _refused(self, place: int) -> CannotEdit:
        line = self.text.count("\n", 0, place) + 1
        return CannotEdit(line, "a list behind a key with one entry a line", "another layout", "write it so")


class _Flow(_Entries):
    """Entries in brackets."""

    def whole(self, new: tuple[str, ...]) -> list[Splice]:
        start = self.node.content + 1
        end = self.node.end - 1
        if self.text[start:end].strip() and not self.node.items:
            end = start
        return [Splice(start, end, ", ".join(written(one, flow=True) for one in new))]

    def removed(self, first: int, last: int) -> list[Splice]:
        items = self.node.items
        start, end = items[first].start, items[last].end
        if all(owns_line(self.text, item.start, item.end) for item in items[first : last + 1]):
            return [lines_splice(self.text, start, end), *self._comma_before(first, last)]
        if last + 1 < len(items):
            return [Splice(start, items[last + 1].start, "")]
        behind = items[first - 1].end
        return [Splice(start if "#" in self.text[behind:start] else behind, end, "")]

    def _comma_before(self, first: int, last: int) -> list[Splice]:
        """The comma that would be one too many where the last entry of the list had none."""
        items = self.node.items
        rest = rest_of_line(self.text, items[last].end)
        before = rest_of_line(self.text, items[first - 1].end)
        if rest is None or rest[1] or before is None or last + 1 < len(items):
            return []
        return [Splice(before.start(1), before.end(1), "")]

    def added(self, behind: int, new: tuple[str, ...]) -> list[Splice]:
        item = self.node.items[max(behind, 0)]
        style = quotes(item)
        entries = [written(one, style, flow=True, colon=":" in item.text) for one in new]
        if behind >= 0:
            return flow_splices(self.text, item.start, item.end, entries)
        if owns_line(self.text, item.start, item.end):
            place = line_start(self.text, item.start)
            indent, ending = lead(self.text, item.start), line_break(self.text, item.end)
            return [Splice(place, place, "".join(f"{indent}{entry},{ending}" for entry in entries))]
        return [Splice(item.start, item.start, "".join(f"{entry}, " for entry in entries))]
