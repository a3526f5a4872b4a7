"""The command line: finds the command's module, lets it parse, runs it, and turns errors into words and exit codes.

Each module named in COMMANDS registers its commands by `register(subparsers)` and sets `run`, a function from parsed
arguments to an exit code. Only the module of the command that was asked for is imported, so that each starts fast.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import logging
import os
import sys
from collections.abc import Iterable, Sequence

from agent import __version__
from agent.errors import PierheadError

COMMANDS = {
    "init": "agent.cli.init",
    "validate": "agent.cli.validate",
    "plan": "agent.cli.plan",
    "once": "agent.cli.once",
    "run": "agent.cli.run",
    "status": "agent.cli.status",
    "events": "agent.cli.events",
    "fire": "agent.cli.fire",
    "webhook": "agent.cli.webhook",
    "schema": "agent.cli.schema",
    "doctor": "agent.cli.doctor",
    "demo": "agent.cli.demo",
    "completion": "agent.cli.completion",
}

EXIT_PROBLEM = 1
EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141


def build_parser(names: Iterable[str] | None = None) -> argparse.ArgumentParser:
    """The whole command line, or the part of it that the named commands need."""
    parser = argparse.ArgumentParser(
        prog="pierhead",
        description="A GitOps agent for Docker: edit YAML, push, and the engine matches it.",
        epilog="Every change of desired state is a commit; no command here changes what runs by itself.",
    )
    parser.add_argument("--version", action="version", version=f"pierhead {__version__}")
    parser.add_argument("-v", "--verbose", action="store_true", help="say more, and show a traceback with every error")
    subparsers = parser.add_subparsers(title="commands", dest="command", metavar="COMMAND", required=True)
    for module_name in dict.fromkeys(COMMANDS[name] for name in (COMMANDS if names is None else names)):
        importlib.import_module(module_name).register(subparsers)
    return parser


def asked_for(argv: Sequence[str]) -> tuple[str, ...] | None:
    """The commands that it takes to answer the arguments; None for all of them."""
    if list(argv) == ["--version"]:
        return ()
    first = next((argument for argument in argv if not argument.startswith("-")), None)
    return (first,) if first in COMMANDS else None


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code: 0 done, 1 a problem was told, 130 interrupted by Ctrl-C."""
    words = sys.argv[1:] if argv is None else list(argv)
    arguments = build_parser(asked_for(words)).parse_args(words)
    logging.basicConfig(
        level=logging.DEBUG if arguments.verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    try:
        code = int(arguments.run(arguments) or 0)
        sys.stdout.flush()
    except PierheadError as error:
        tell(error, verbose=arguments.verbose)
        return EXIT_PROBLEM
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        close_standard_output()
        return EXIT_BROKEN_PIPE
    return code


def tell(error: PierheadError, *, verbose: bool) -> None:
    """Write what happened and what to do about it to standard error."""
    if verbose:
        logging.getLogger("pierhead").debug("raised here", exc_info=error)
    print(f"pierhead: {error.message}", file=sys.stderr)
    if error.advice:
        print(f"  → {error.advice}", file=sys.stderr)


def close_standard_output() -> None:
    """Give up standard output quietly: its reader, such as `head`, has seen enough."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
