"""`pierhead events`: the event logs of all hosts in one order, read from any clone, once or continuously."""

from __future__ import annotations

import argparse
import heapq
import json
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from typing import Any

from agent.cli.status import add_clone_options, chosen_hosts
from agent.core.eventlog import LEVELS
from agent.core.status_text import one_line
from agent.core.values import InvalidValue, parse_duration
from agent.errors import PierheadError, Usage
from agent.repository.history import History, order
from agent.repository.history_fetch import fetch_history

Record = Mapping[str, Any]
COLOURS = {"warning": "33", "error": "31", "debug": "2"}


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "events",
        help="show what hosts decided and did",
        description="Show the event logs that hosts wrote back, oldest first, from any clone of the config repository.",
    )
    add_clone_options(parser)
    parser.add_argument("--workload", metavar="NAME", help="only events about this workload")
    parser.add_argument("--trigger", metavar="NAME", help="only events about this trigger")
    parser.add_argument(
        "--severity",
        choices=LEVELS,
        default="info",
        help="only this severity and worse (default: info; debug also tells why bindings did not fire)",
    )
    parser.add_argument("--since", metavar="WHEN", default="", help="30m, 2h, 7d, or a date or time (UTC)")
    parser.add_argument("--limit", metavar="N", type=int, default=50, help="the newest N (default: 50)")
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")
    parser.add_argument("--fetch", action="store_true", help="fetch the hosts' refs from the remote first")
    parser.add_argument("--follow", action="store_true", help="go on: fetch and print what is new until interrupted")
    parser.add_argument("--interval", metavar="S", type=float, default=5.0, help="seconds between looks (default: 5)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the newest events, then with --follow what comes."""
    since = moment(arguments.since, datetime.now(tz=UTC)) if arguments.since else ""
    history = History(arguments.repo)
    if (arguments.fetch or arguments.follow) and _fetched(arguments):
        history.refresh()
    hosts = chosen_hosts(history, arguments.host)
    newest = {host: _newest(history, host) for host in hosts}
    logs = [_matching(history.events(host, since), arguments) for host in hosts]
    merged = heapq.merge(*logs, key=order, reverse=True)
    _print(reversed(list(islice(merged, max(arguments.limit, 0)))), arguments)
    while arguments.follow:
        time.sleep(arguments.interval)
        _fetched(arguments)
        history.refresh()
        _print(_later(history, newest, arguments), arguments)
    return 0


def moment(text: str, now: datetime) -> str:
    """The time that `2h`, a date or a time in RFC 3339 means, as events carry it."""
    try:
        when = now - timedelta(seconds=parse_duration(text))
    except (InvalidValue, OverflowError):
        try:
            when = datetime.fromisoformat(text)
        except ValueError:
            raise Usage(
                f"--since: expected a time span such as 30m, 2h or 7d, or a date or time, found {text}",
                advice="write for example --since 2026-11-23 or --since 2026-11-23T10:00:00Z",
            ) from None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return when.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _fetched(arguments: argparse.Namespace) -> bool:
    """Fetch; while following, a remote that is away is told and waited for."""
    try:
        return fetch_history(arguments.repo)
    except PierheadError as error:
        if not arguments.follow:
            raise
        print(f"pierhead: {error}", file=sys.stderr)
        return False


def _newest(history: History, host: str) -> str:
    """The id of the newest event; ids of one host sort by time."""
    return next((str(event.get("id", "")) for event in history.events(host)), "")


def _later(history: History, newest: dict[str, str], arguments: argparse.Namespace) -> list[Record]:
    """What was written since the last look, in the order of time; hosts that appear meanwhile are taken in."""
    found: list[Record] = []
    for host in history.hosts():
        if arguments.host and host not in arguments.host:
            continue
        last = newest.get(host, "")
        fresh = list(takewhile(lambda event, last=last: str(event.get("id", "")) > last, history.events(host)))  # type: ignore[misc] # a bound default
        newest[host] = max((str(event.get("id", "")) for event in fresh), default=last)
        found += _matching(fresh, arguments)
    return sorted(found, key=order)


def _matching(events: Iterable[Record], arguments: argparse.Namespace) -> Iterator[Record]:
    """Those asked for; a severity that nobody knows counts as the worst."""
    hidden = LEVELS[: LEVELS.index(arguments.severity)]
    for event in events:
        about = arguments.workload in (None, event.get("workload")) and arguments.trigger in (None, _trigger(event))
        if about and event.get("severity") not in hidden:
            yield event


def _trigger(event: Record) -> object:
    data = event.get("data")
    return data.get("trigger") if isinstance(data, Mapping) else None


def _print(events: Iterable[Record], arguments: argparse.Namespace) -> None:
    for event in events:
        print(json.dumps(event, ensure_ascii=False) if arguments.json else line(event, colour=sys.stdout.isatty()))
    sys.stdout.flush()


def line(event: Record, *, colour: bool = False) -> str:
    """One event for people."""
    when, host, severity, workload, reason, message = (
        one_line(str(event.get(name) or "-")) for name in ("time", "host", "severity", "workload", "reason", "message")
    )
    level = severity.ljust(7)
    level = f"\x1b[{COLOURS[severity]}m{level}\x1b[0m" if colour and severity in COLOURS else level
    about = "" if workload == "-" else f"{workload}: "
    return f"{when[:19].replace('T', ' ')}Z  {host}  {level}  {about}{reason}: {message}"
