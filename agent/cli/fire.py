"""`pierhead fire`: fires a trigger by hand, on the host of the agent, by way of its journal.

Whoever may write to the agent's data folder may fire; nothing is asked over the network, and an agent that is away
finds the event when it comes back.
"""

from __future__ import annotations

import argparse
import getpass
import time

from agent.chronicle import timestamp
from agent.cli.options import add_host_options, settings_from
from agent.clock import SystemClock
from agent.core.inbound import MANUAL, InboundEvent
from agent.core.inbox import Received
from agent.errors import Usage
from agent.journal.ids import EventIds
from agent.journal.journal import FILE_NAME, SqliteJournal
from agent.settings import AgentSettings

LOOK_EVERY = 0.1
NOTHING = ("fired 0 ", "there is no ", "no workload ")
"""How outcomes begin by which nothing was done."""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "fire",
        help="fire a trigger by hand",
        description="Fire a trigger by hand, on the agent's own host. "
        "One that is written inline is named WORKLOAD.NUMBER.",
    )
    parser.add_argument("trigger", metavar="TRIGGER", help="name of the trigger")
    parser.add_argument(
        "--wait", metavar="S", type=float, default=10.0, help="seconds to wait for the agent (default: 10)"
    )
    add_host_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Store the event, then tell what the agent made of it; 1 when nothing was fired."""
    settings = settings_from(arguments)
    journal = _journal(settings)
    try:
        event_id = _store(journal, arguments.trigger)
        return _tell(journal, event_id, arguments)
    finally:
        journal.close()


def _journal(settings: AgentSettings) -> SqliteJournal:
    if not (settings.data_dir / FILE_NAME).is_file():
        raise Usage(
            f"expected the journal of an agent in {settings.data_dir}, found none",
            advice="name the data folder of the agent with --data-dir, and run this as the agent's user",
        )
    return SqliteJournal(settings.data_dir, SystemClock())


def _store(journal: SqliteJournal, trigger: str) -> str:
    clock = SystemClock()
    event_id = EventIds(clock, journal.last_event_id()).next()
    event = InboundEvent(type=MANUAL, subject=_who())
    journal.receive([Received(id=event_id, trigger=trigger, time=timestamp(clock.now()), event=event)], [], until=0.0)
    return event_id


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "a user of the host"


def _tell(journal: SqliteJournal, event_id: str, arguments: argparse.Namespace) -> int:
    deadline = time.monotonic() + arguments.wait
    while True:
        state, outcome = journal.fate_of_event(event_id) or ("pending", "")
        if state != "pending":
            print(f"{arguments.trigger}: {outcome} ({event_id})")
            return 1 if state == "failed" or outcome.startswith(NOTHING) else 0
        if time.monotonic() >= deadline:
            why = f": {outcome}" if outcome else ", no agent has looked at it yet"
            print(f"{arguments.trigger}: stored as {event_id}{why}; it is acted upon as soon as that is possible")
            return 0
        time.sleep(LOOK_EVERY)
