"""Signed deliveries a second, and how long the slowest wait, against the least that anybody would write by hand.

Both servers verify the same HMAC over the same bodies and have a delivery on disk before they answer; wrk asks them in
turns, each delivery with an id and a body of its own. The agent besides tells vendors apart, reads what was pushed,
knows a delivery again and keeps a record of it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from bench.result import Result, median
from bench.webhook_servers import SECRET

SCRIPT = Path(__file__).with_suffix(".lua")
ROOT = SCRIPT.parent.parent
CONNECTIONS = 32
LINKS = (
    *("archive", "assignees", "blobs", "branches", "collaborators", "comments", "commits", "compare", "contents"),
    *("contributors", "deployments", "downloads", "events", "forks", "hooks", "issues", "keys", "labels", "languages"),
    *("merges", "milestones", "notifications", "pulls", "releases", "statuses", "subscribers", "tags", "teams"),
)
LEAST, MOST = 0.8, 2.0


class Load(NamedTuple):
    """What one run of wrk measured."""

    rate: float
    p99: float


def run(*, quick: bool) -> list[Result]:
    """Two results for each number of triggers."""
    counts, rounds, seconds = ((1, 100), 1, 2) if quick else ((1, 100, 1000), 5, 5)
    with TemporaryDirectory(prefix="pierhead-bench-") as folder:
        body = Path(folder) / "body"
        body.write_text(push_up_to_its_id(), encoding="utf-8")
        return [one for count in counts for one in _compare(Path(folder), count, rounds, seconds)]


def _compare(folder: Path, triggers: int, rounds: int, seconds: int) -> Iterator[Result]:
    places = [folder / f"{kind}-{triggers}" for kind in ("agent", "bare")]
    for place in places:
        place.mkdir()
    with _served("agent", places[0], triggers) as agent, _served("bare", places[1], triggers) as bare:
        pairs = []
        for number in range(rounds + 1):  # the first is for warming up
            loads = [_load(address, folder / "body", triggers, f"{number}", seconds) for address in (agent, bare)]
            pairs.append(tuple(loads))
    measured = pairs[1:]
    agents, bares = [one for one, _ in measured], [other for _, other in measured]
    rates, waits = [one.rate / other.rate for one, other in measured], [one.p99 / other.p99 for one, other in measured]
    note = f"{CONNECTIONS} connections, {len(push_up_to_its_id())} bytes"
    yield Result(
        name=f"signed deliveries a second, {triggers:,} triggers",
        value=median(rates),
        unit="x",
        limit=LEAST,
        at_least=True,
        samples=tuple(rates),
        against=f"a bare endpoint: {median(one.rate for one in bares):,.0f}/s, "
        f"here {median(one.rate for one in agents):,.0f}/s",
        note=note,
    )
    yield Result(
        name=f"p99 of a signed delivery, {triggers:,} triggers",
        value=median(waits),
        unit="x",
        limit=MOST,
        samples=tuple(waits),
        against=f"a bare endpoint: {median(one.p99 for one in bares) * 1e3:.1f} ms, "
        f"here {median(one.p99 for one in agents) * 1e3:.1f} ms",
        note=note,
    )


@contextmanager
def _served(kind: str, folder: Path, triggers: int) -> Iterator[str]:
    command = [sys.executable, "-m", "bench.webhook_servers", kind, str(folder), str(triggers)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()


def _load(address: str, body: Path, triggers: int, name: str, seconds: int) -> Load:
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(SCRIPT), f"http://{address}"]
    arguments = ["--", SECRET.decode(), str(body), str(triggers), name]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    if found["wrong"] or not found["requests"]:
        raise AssertionError(f"expected every delivery to be accepted, found {found}")
    return Load(found["requests"] / found["seconds"], found["p99"])


def push_up_to_its_id() -> str:
    """A push of two commits in the size that forges tell it, up to the value of its last field."""
    page = "https://git.example.com/example/shop"
    commits = [
        {
            "id": f"{number:040x}",
            "message": "Answer the health check before the cache is warm, so that a start is not a failure",
            "timestamp": "2026-11-24T00:30:00Z",
            "url": f"{page}/commit/{number:040x}",
            "author": {"name": "Ada Example", "email": "ada@example.com", "username": "ada"},
            "committer": {"name": "Ada Example", "email": "ada@example.com", "username": "ada"},
            "added": [],
            "removed": [],
            "modified": [f"service/part-{part}.py" for part in range(4)],
        }
        for number in range(1, 3)
    ]
    links = {f"{name}_url": f"{page}/{name}{{/id}}" for name in LINKS}
    push = {
        "ref": "refs/heads/main",
        "before": "f" * 40,
        "after": commits[-1]["id"],
        "forced": False,
        "deleted": False,
        "repository": {"full_name": "example/shop", "clone_url": f"{page}.git", "topics": [], "license": None, **links},
        "sender": {"login": "ada", "type": "User", **dict.fromkeys(links, page)},
        "commits": commits,
        "head_commit": commits[-1],
    }
    return json.dumps(push)[:-1] + ', "compare": '
