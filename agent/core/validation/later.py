"""What may be written but is not acted on by this version: said plainly, so that nobody waits for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from agent.core.kinds import Finding
from agent.core.problems import Severity

_WORKLOAD_FIELDS = {
    "faces": "no route is made: publish a port, or route to the container yourself",
    "release": "the command is not run before a deploy: run it yourself",
    "windows": "deploys happen at any time",
    "log_rules": "logs are not searched",
    "promotion": "no version is proposed to this workload: change the tag in the document",
}
_SETTINGS_FIELDS = {"proxy": "no proxy is driven", "notifications": "nothing is announced"}


def not_acted_on(raw: Mapping[str, Any]) -> Iterator[Finding]:
    """The fields of a Workload or Settings document that this version leaves aside."""
    if raw["kind"] == "Workload":
        yield from _of_workload(raw, "")
        return
    yield from _of_workload(raw.get("defaults") or {}, "/defaults")
    yield from _left_aside(raw, "", _SETTINGS_FIELDS)


def _of_workload(raw: Mapping[str, Any], pointer: str) -> Iterator[Finding]:
    yield from _left_aside(raw, pointer, _WORKLOAD_FIELDS)
    if (raw.get("update") or {}).get("via") == "pull_request":
        consequence = "no pull request is opened yet: the update is only told"
        yield _finding(f"{pointer}/update/via", "`pull_request`", consequence)
    if raw.get("on_failure") == "revert":
        consequence = "the previous version is put back, but no commit is reverted"
        yield _finding(f"{pointer}/on_failure", "`revert`", consequence)


def _left_aside(raw: Mapping[str, Any], pointer: str, fields: Mapping[str, str]) -> Iterator[Finding]:
    for field, consequence in fields.items():
        if raw.get(field):
            yield _finding(f"{pointer}/{field}", f"`{field}`", consequence)


def kind_not_acted_on(kind: str) -> Finding:
    """The finding about a whole document of a kind that is not acted on."""
    return _finding("", f"a {kind}", "the document is read and otherwise left aside")


def _finding(pointer: str, found: str, consequence: str) -> Finding:
    return Finding(
        pointer=pointer,
        code="NotActedOn",
        expected="what this version acts on",
        found=found,
        fix=consequence,
        severity=Severity.WARNING,
    )
