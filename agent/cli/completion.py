"""`pierhead completion`: prints a completion script for a shell, made from the command line itself (shtab)."""

from __future__ import annotations

import argparse

from agent.errors import Usage

SHELLS = ("bash", "zsh", "fish")

EPILOG = """\
to have it in every new shell:
  bash: pierhead completion bash > ~/.local/share/bash-completion/completions/pierhead
  zsh:  pierhead completion zsh > "${fpath[1]}/_pierhead"
  fish: pierhead completion fish > ~/.config/fish/completions/pierhead.fish
"""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "completion",
        help="print a completion script for a shell",
        description="Print a completion script for a shell.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("shell", choices=SHELLS, help="the shell to complete in")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the script."""
    from agent.cli.main import build_parser

    try:
        import shtab
    except ImportError:
        raise Usage(
            "completion: expected the package shtab, found none",
            advice="pip install 'pierhead[completion]'",
        ) from None
    print(shtab.complete(build_parser(), shell=arguments.shell))
    return 0
