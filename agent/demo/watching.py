"""Looks at a running demo from outside, as a person would: status API, the shop's page, the config repository.

Everything is polled against a deadline; one that passes ends in an error that says what was seen last.
"""

from __future__ import annotations

import http.client
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from agent.core.reasons import Reason
from agent.demo.git import git
from agent.demo.place import HOST
from agent.errors import Stalled

POLL = 0.1
CALL_LIMIT = 5.0
SHOP_ADDRESS = "127.0.0.1:8421"
HANDBOOK_ADDRESS = "127.0.0.1:8422"
SHOWN_VERSION = re.compile(r"Version <b>([^<]+)</b>")


@dataclass(frozen=True, slots=True)
class Seen:
    """One workload as the status API tells it."""

    phase: str
    reason: str
    message: str
    image: str = ""


def post(address: str, path: str, body: str, token: str) -> tuple[int, str]:
    """Status and body of a POST with a bearer token."""
    connection = http.client.HTTPConnection(address, timeout=CALL_LIMIT)
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    try:
        connection.request("POST", path, body.encode(), headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode("utf-8", "replace").strip()
    finally:
        connection.close()


def fetch(address: str, path: str) -> str | None:
    """The body of a page that answers 200, None while it does not."""
    connection = http.client.HTTPConnection(address, timeout=CALL_LIMIT)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read().decode("utf-8", "replace")
    except (OSError, http.client.HTTPException):
        return None
    else:
        return body if answer.status == 200 else None
    finally:
        connection.close()


def workloads(address: str) -> dict[str, Seen]:
    """All workloads by name; none while the page does not answer."""
    body = fetch(address, "/api/v1/status")
    if body is None:
        return {}
    told: Mapping[str, Mapping[str, object]] = json.loads(body)["workloads"]
    return {
        name: Seen(str(one["phase"]), str(one["reason"]), str(one["message"]), str(one.get("image") or ""))
        for name, one in told.items()
    }


def shop_version() -> str | None:
    """The version that the shop's page shows to a customer."""
    found = SHOWN_VERSION.search(fetch(SHOP_ADDRESS, "/") or "")
    return found[1] if found else None


def status_note(repository: Path, commit: str) -> str:
    """The status that the agent wrote under a commit; empty while there is none."""
    return git(repository, "notes", f"--ref=refs/notes/pierhead/{HOST}", "show", commit, check=False)


def event_lines(repository: Path) -> list[str]:
    """The event log on the host's branch, oldest first, one line for people each."""
    branch = f"pierhead/{HOST}"
    names = git(repository, "ls-tree", "-r", "--name-only", branch, "events/", check=False).splitlines()
    records = [
        json.loads(line) for name in sorted(names) for line in git(repository, "show", f"{branch}:{name}").split("\n")
    ]
    return [f"{one['time']}  {one.get('workload', '-'):9} {one['reason']:12} {one['message']}" for one in records]


def wait_until(what: str, true: Callable[[], bool], last: Callable[[], str], seconds: float) -> None:
    """Return as soon as it is true; raises Stalled with what was seen last when time is up."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise Stalled(Reason.STEP_FAILED, f"{what}: expected within {seconds:.0f} s, found\n{last()}")
        time.sleep(POLL)
