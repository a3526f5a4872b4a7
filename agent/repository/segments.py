"""Events and deliveries as files of lines: `YYYY-MM-DD.jsonl`, then `.2.jsonl`, `.3.jsonl`, each at most 256 KiB.

An append rewrites only the newest segment of its day, so that its cost does not grow with the log. An entry whose id
is there already is not written again, which makes a flush safe to repeat.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Protocol

import pygit2

from agent.repository.trees import blob

LIMIT = 256 * 1024
NAME = re.compile(r"^(\d{4}-\d{2}-\d{2})(?:\.(\d+))?\.jsonl$")
_ID = re.compile(rb'^\{"id":"([^"\\]*)"', re.MULTILINE)


class Entry(Protocol):
    """What is written as a line: ids sort by time, and the JSON form begins with the id."""

    @property
    def id(self) -> str: ...

    @property
    def time(self) -> str: ...

    def as_dict(self) -> Mapping[str, object]: ...


def segment_name(day: str, number: int) -> str:
    return f"{day}.jsonl" if number == 1 else f"{day}.{number}.jsonl"


def numbers_by_day(names: Iterable[str]) -> dict[str, list[int]]:
    """The numbers of the segments of each day, in order; other names are ignored."""
    found: dict[str, list[int]] = {}
    for name in names:
        match = NAME.match(name)
        if match:
            found.setdefault(match[1], []).append(int(match[2] or 1))
    return {day: sorted(numbers) for day, numbers in sorted(found.items())}


def line(entry: Entry) -> bytes:
    """One entry as one line of JSON, its id first."""
    text = json.dumps(entry.as_dict(), ensure_ascii=False, separators=(",", ":"), default=str)
    return text.encode("utf-8", "backslashreplace") + b"\n"


def appended(folder: pygit2.Tree | None, entries: Sequence[Entry]) -> dict[str, bytes]:
    """The segments that change when the entries are added, by name, with their new content."""
    days: dict[str, list[Entry]] = {}
    for one in entries:
        days.setdefault(one.time[:10], []).append(one)
    numbers = numbers_by_day(one.name or "" for one in folder) if folder is not None else {}
    result: dict[str, bytes] = {}
    for day, fresh in days.items():
        result |= _appended_to_day(folder, day, numbers.get(day, []), fresh)
    return result


def _appended_to_day(
    folder: pygit2.Tree | None, day: str, numbers: Sequence[int], entries: Sequence[Entry]
) -> dict[str, bytes]:
    written = _written(folder, day, numbers, min(entry.id for entry in entries))
    lines = [line(entry) for entry in entries if entry.id.encode() not in written]
    number = numbers[-1] if numbers else 1
    content = blob(folder, segment_name(day, number)) or b""
    result: dict[str, bytes] = {}
    for one in lines:
        if content and len(content) + len(one) > LIMIT:
            number, content = number + 1, b""
        content += one
        result[segment_name(day, number)] = content
    return result


def _written(folder: pygit2.Tree | None, day: str, numbers: Sequence[int], first: str) -> set[bytes]:
    """The ids in the newest segments, back to the first one that holds only older ids: ids sort by time."""
    found: set[bytes] = set()
    for number in reversed(numbers):
        ids = _ID.findall(blob(folder, segment_name(day, number)) or b"")
        found.update(ids)
        if ids and max(ids) < first.encode():
            break
    return found


def expired(names: Iterable[str], today: date, days: int) -> Mapping[str, None]:
    """The segments that are older than the retention, as entries to be removed."""
    oldest = (today - timedelta(days=days)).isoformat()
    return {name: None for name in names if (match := NAME.match(name)) and match[1] < oldest}
