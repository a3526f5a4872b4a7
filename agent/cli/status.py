"""`pierhead status`: what each host last wrote to git, read from any clone; exits 1 where no host wrote anything."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agent.core.reasons import Reason
from agent.core.status import HostStatus
from agent.core.status_text import one_line, terminal
from agent.errors import Stalled
from agent.repository.history import History
from agent.repository.history_fetch import BY_HAND, fetch_history


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "status",
        help="show what each host last wrote back to git",
        description="Show the status that hosts wrote back, from any clone of the config repository.",
    )
    add_clone_options(parser)
    parser.add_argument("--fetch", action="store_true", help="fetch the hosts' refs from the remote first")
    parser.add_argument("--json", action="store_true", help="print JSON: one object with the hosts by name")
    parser.set_defaults(run=run)


def add_clone_options(parser: argparse.ArgumentParser) -> None:
    """Options that `events` has too."""
    parser.add_argument("--repo", metavar="PATH", type=Path, default=Path(), help="a clone (default: the folder here)")
    parser.add_argument("--host", metavar="NAME", action="append", help="only this host; may be repeated")


def run(arguments: argparse.Namespace) -> int:
    """Print the statuses."""
    history = History(arguments.repo)
    if arguments.fetch and fetch_history(arguments.repo):
        history.refresh()
    records = {host: history.status(host) for host in chosen_hosts(history, arguments.host)}
    if arguments.json:
        print(json.dumps(records, indent=2, ensure_ascii=False))
        return 0
    print("\n\n".join(_text(host, record) for host, record in records.items()))
    return 0


def chosen_hosts(history: History, wanted: list[str] | None) -> list[str]:
    """The hosts asked for, or all; Stalled where there is none."""
    known = history.hosts()
    if not known:
        raise Stalled(
            Reason.BRANCH_MISSING,
            "expected refs that a host wrote (refs/notes/pierhead/*, branches pierhead/*), found none here",
            advice=f"fetch them with --fetch, or with: {BY_HAND}",
        )
    missing = sorted(set(wanted or ()) - set(known))
    if missing:
        raise Stalled(
            Reason.BRANCH_MISSING,
            f"no host {', '.join(map(one_line, missing))} wrote here; found {', '.join(map(one_line, known))}",
            advice="check the name, or fetch first with --fetch",
        )
    return [host for host in known if not wanted or host in wanted]


def _text(host: str, record: Mapping[str, Any] | None) -> str:
    if record is None:
        return f"{one_line(host)}: no status that can be read"
    try:
        return terminal(HostStatus.from_dict(record), colour=sys.stdout.isatty())
    except (KeyError, TypeError, ValueError, AttributeError):
        written_by = one_line(str(record.get("version", "an unknown version")))
        return f"{one_line(host)}: written by Pierhead {written_by}, which this one cannot read; see it with --json"
