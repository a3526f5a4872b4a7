"""Names of the refs that a host owns: its branch and its notes."""

from __future__ import annotations

from urllib.parse import quote, unquote

BRANCHES = "refs/heads/pierhead/"
NOTES = "refs/notes/pierhead/"
UPDATES = "update"


def encode(host: str) -> str:
    """A host name as one valid ref part: what git refuses there, and the name of the update branches, is escaped."""
    part = quote(host, safe="").replace("~", "%7E")
    if part.startswith(".") or part.endswith((".", ".lock")) or ".." in part:
        part = part.replace(".", "%2E")
    if part == UPDATES or part.startswith("-"):
        part = f"%{ord(part[0]):02X}{part[1:]}"
    return part


def decode(part: str) -> str:
    """The host name that `encode` was given."""
    return unquote(part)


def branch_of(host: str) -> str:
    return BRANCHES + encode(host)


def notes_of(host: str) -> str:
    return NOTES + encode(host)
