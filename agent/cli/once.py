"""`pierhead once`: fetch, bring every workload to rest, write back, and exit; 1 when a workload is not well."""

from __future__ import annotations

import argparse

from agent.cli.options import add_host_options, settings_from
from agent.wiring import build_agent


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("once", help="one full pass over all workloads, then exit", description=__doc__)
    add_host_options(parser)
    parser.add_argument("--timeout", type=float, default=900.0, metavar="SECONDS", help="give up after (default: 900)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run one pass and print what came of it."""
    agent = build_agent(settings_from(arguments))
    try:
        status = agent.once(arguments.timeout)
    finally:
        agent.close()
    for workload in status.workloads.values():
        print(f"{workload.name}: {workload.phase} ({workload.reason}) {workload.message}")
    for name, message in status.conditions.items():
        print(f"{name}: {message}")
    well = all(workload.phase in ("Synced", "Suspended") for workload in status.workloads.values())
    return 0 if well and not status.conditions else 1
