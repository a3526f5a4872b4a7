"""The reference page of the command line, from the parsers themselves."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from agent.cli.main import build_parser


def commands_page() -> str:
    """The page of all commands, in Markdown."""
    return page_of(build_parser())


def page_of(parser: argparse.ArgumentParser) -> str:
    """The page of one command line."""
    lines = ["# Commands", "", str(parser.description), ""]
    for action in parser._actions:  # noqa: SLF001 - argparse offers no other way to walk a parser
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - the same
            for name, command in action.choices.items():
                lines += _command(name, command)
    return "\n".join(lines)


def _command(name: str, parser: argparse.ArgumentParser) -> list[str]:
    usage = " ".join(_usage(parser))
    lines = [f"## pierhead {name}", "", _text(parser.description or ""), ""]
    lines += ["```", f"pierhead {name} {usage}".rstrip(), "```", ""]
    rows = [_row(action) for action in _arguments(parser)]
    if rows:
        lines += ["| argument | meaning |", "|---|---|", *rows, ""]
    return lines


def _arguments(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in parser._actions:  # noqa: SLF001 - as above
        if action.help != argparse.SUPPRESS and not isinstance(action, argparse._HelpAction):  # noqa: SLF001
            yield action


def _usage(parser: argparse.ArgumentParser) -> Iterator[str]:
    if any(action.option_strings for action in _arguments(parser)):
        yield "[OPTIONS]"
    for action in _arguments(parser):
        if not action.option_strings:
            name = _value(action)
            yield {"?": f"[{name}]", "*": f"[{name} ...]", "+": f"{name} [{name} ...]"}.get(str(action.nargs), name)


def _row(action: argparse.Action) -> str:
    takes_value = action.nargs != 0
    names = [f"{name} {_value(action)}" if takes_value else name for name in action.option_strings]
    shown = ", ".join(f"`{name}`" for name in names or [_value(action)])
    return f"| {shown.replace('|', chr(92) + '|')} | {_text(action.help or '')} |"


def _value(action: argparse.Action) -> str:
    if isinstance(action.metavar, str):
        return action.metavar
    if action.choices is not None:
        return "{" + ",".join(map(str, action.choices)) + "}"
    return action.dest.upper()


def _text(text: str) -> str:
    """Help text on one line; argparse writes a percent sign twice."""
    return " ".join(text.split()).replace("%%", "%").replace("|", "\\|")
