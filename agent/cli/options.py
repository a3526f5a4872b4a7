"""Options that several commands share: where the host settings come from."""

from __future__ import annotations

import argparse

from agent.settings import AgentSettings, load_settings


def add_host_options(parser: argparse.ArgumentParser) -> None:
    """The flags that override host settings."""
    group = parser.add_argument_group("host settings")
    group.add_argument("--config", metavar="FILE", help="host settings file (see docs/reference/agent.md)")
    group.add_argument("--repo", metavar="URL", help="config repository: a URL or a local path")
    group.add_argument("--branch", metavar="NAME", help="branch to follow (default: main)")
    group.add_argument("--path", metavar="DIR", help="folder of the repository to read (default: .)")
    group.add_argument("--host", metavar="NAME", help="name of this agent (default: the machine's name)")
    group.add_argument("--data-dir", metavar="DIR", help="where the agent keeps its state (default: /var/lib/pierhead)")
    group.add_argument("--listen", metavar="HOST:PORT", help="address of the page and the webhooks")


def settings_from(arguments: argparse.Namespace) -> AgentSettings:
    """The host settings in force; raises Usage when they are wrong."""
    return load_settings(arguments)
