"""An update: changes of pins in several documents become new contents of files and one commit message. Pure.

A document is found by its name in the file as it is at the commit that the update builds on, never by a position
remembered from an older one. What cannot be edited is left out and told; the rest is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from agent.core.edit import CannotEdit, edit_document
from agent.core.pins import PinEdit
from agent.core.yaml_reader import read_yaml

Read = Callable[[str], bytes | None]
"""Gives the content of a file, None where there is none."""

TOGETHER = 3
"""Workloads with the same new pin that a subject names together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One workload's new pin: `path` is the file of its document, `text` tells both versions."""

    workload: str
    path: str
    edits: tuple[PinEdit, ...]
    text: str
    triggers: tuple[str, ...]
    events: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """What is to be committed. `made` are the changes in it, `refused` why others are not, by workload."""

    files: Mapping[str, bytes] = field(default_factory=dict)
    message: str = ""
    made: tuple[Change, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)


def plan_update(changes: Sequence[Change], read: Read, host: str) -> Update:
    """All changes as one commit; `host` goes into its trailers."""
    before: dict[str, bytes] = {}
    after: dict[str, bytes] = {}
    made: list[Change] = []
    refused: dict[str, str] = {}
    for change in changes:
        try:
            if change.path not in before:
                before[change.path] = after[change.path] = _content(read, change.path)
            after[change.path] = edit_workload(after[change.path], change.workload, change.edits)
            made.append(change)
        except CannotEdit as error:
            refused[change.workload] = f"{change.path}: {error}"
    files = {path: content for path, content in after.items() if content != before[path]}
    return Update(files=files, message=message_of(made, host) if made else "", made=tuple(made), refused=refused)


def _content(read: Read, path: str) -> bytes:
    content = read(path)
    if content is None:
        raise CannotEdit(1, "the file of the workload", "none", "put it back, or fire again")
    return content


def edit_workload(content: bytes, workload_name: str, edits: Sequence[PinEdit]) -> bytes:
    """The file with the edits in the document of that workload; raises CannotEdit."""
    documents, _ = read_yaml(content)
    for number, document in enumerate(documents):
        value = document.value
        if isinstance(value, dict) and (value.get("kind"), value.get("name")) == ("Workload", workload_name):
            return edit_document(content, number, edits)
    raise CannotEdit(1, f"the document of workload {workload_name}", "none in this file", "put it back, or fire again")


def message_of(changes: Sequence[Change], host: str) -> str:
    """The commit message: one line for people, one for each workload where there are several, and the trailers."""
    lines = [f"{one.workload}: {one.text}" for one in changes]
    same = len({one.text for one in changes}) == 1
    if len(lines) == 1 or (same and len(lines) <= TOGETHER):
        subject, body = f"{', '.join(one.workload for one in changes)}: {changes[0].text}", []
    elif same:
        subject, body = f"{changes[0].workload} and {len(lines) - 1} more: {changes[0].text}", [*lines, ""]
    else:
        subject, body = f"{lines[0]} and {len(lines) - 1} more", [*lines, ""]
    trailers = [f"Pierhead-Trigger: {name}" for name in _each(one.triggers for one in changes)]
    trailers += [f"Pierhead-Event: {name}" for name in _each(one.events for one in changes)]
    return "\n".join([subject, "", *body, *trailers, f"Pierhead-Host: {host}", ""])


def _each(groups: Iterable[Iterable[str]]) -> list[str]:
    return list(dict.fromkeys(name for group in groups for name in group))
