"""`pierhead demo`: runs the example repository on the local engine, changes one line, and shows the deploy."""

from __future__ import annotations

import argparse
import sys
import threading
from contextlib import suppress
from pathlib import Path

from agent.demo.alone import alone
from agent.demo.place import Place, check_place
from agent.demo.story import Demo, clean
from agent.settings import load_settings

DESCRIPTION = """\
Runs the example repository on the local Docker Engine: makes its images from scratch (no registry is asked), starts an
agent, waits until five workloads are Synced, commits a change of one line and shows it being deployed. In a terminal it
then keeps running until Ctrl-C. At its end it removes every container, volume and network that it made.
"""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "demo", help="run the example repository and deploy a change", description=DESCRIPTION
    )
    parser.add_argument(
        "--directory",
        type=Path,
        default=Path("pierhead-demo"),
        metavar="DIR",
        help="folder for its config repository and host settings (default: pierhead-demo)",
    )
    parser.add_argument(
        "--listen", default="127.0.0.1:8420", metavar="HOST:PORT", help="address of the page (default: 127.0.0.1:8420)"
    )
    parser.add_argument("--once", action="store_true", help="end when all is shown, also in a terminal")
    parser.add_argument("--clean", action="store_true", help="only remove what an earlier demo left")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Tell the whole demo; 0 when everything that it promises was seen."""
    place = Place(arguments.directory.resolve())
    engine_url = load_settings(argparse.Namespace(repo=str(place.repository), host="pierhead-demo")).engine_url
    check_place(place)
    with alone():
        if arguments.clean:
            print(f"{clean(place, engine_url)} containers, volumes and networks removed")
            return 0
        return play(Demo(place, arguments.listen, engine_url), once=arguments.once or not sys.stdout.isatty())


def play(demo: Demo, *, once: bool) -> int:
    """From the first step to the last; whatever happens in between, what was made on the engine is removed."""
    try:
        demo.tell()
        if not once:
            wait_for_ctrl_c(demo)
    except BaseException:
        demo.end()
        raise
    return 0 if demo.end() == 0 else 1


def wait_for_ctrl_c(demo: Demo) -> None:
    """Leave everything running for as long as a person wants to look at it."""
    print(
        f"\nIt keeps running: http://{demo.listen}/ . Change a file below {demo.place.repository}, commit, and watch."
    )
    print("Ctrl-C ends it and removes what it made on the engine.")
    with suppress(KeyboardInterrupt):
        threading.Event().wait()
