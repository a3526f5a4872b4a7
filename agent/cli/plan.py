"""`pierhead plan`: what would be done and why.

Exits 0 for nothing, 1 for problems, 2 for changes with `--exit-code`.
"""

from __future__ import annotations

import argparse
import platform
import sys
from pathlib import Path

from agent.cli.options import add_host_options, settings_from
from agent.core.model import DesiredState
from agent.core.plan import Plan
from agent.core.plan_report import FORMATS, render_plans
from agent.core.problems import Severity
from agent.core.report import render
from agent.core.simulation import compare
from agent.errors import Usage
from agent.wiring import build_agent, desired_at, discover_kinds


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "plan",
        help="show what would be done and why, and do nothing",
        description="Without --from: compare the followed commit with the engine. With --from: compare two commits of "
        "a local repository, without any engine.",
    )
    add_host_options(parser)
    parser.add_argument("workload", nargs="*", help="only these workloads")
    parser.add_argument("--from", dest="from_ref", metavar="REF", help="the commit that is taken to run now")
    parser.add_argument(
        "--to", dest="to_ref", metavar="REF", default="HEAD", help="the commit to go to (default: HEAD)"
    )
    parser.add_argument("--format", choices=FORMATS, default="text", help="how to print (default: text)")
    parser.add_argument("--exit-code", action="store_true", help="exit 2 when there is something to do")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the plans."""
    desired, plans = _between_commits(arguments) if arguments.from_ref else _against_engine(arguments)
    wanted = set(arguments.workload)
    unknown = wanted - {plan.workload for plan in plans}
    if unknown:
        raise Usage(f"no workload named {', '.join(sorted(unknown))}", advice="see the names with pierhead validate")
    plans = tuple(plan for plan in plans if not wanted or plan.workload in wanted)
    print(render_plans(plans, arguments.format))
    return _exit_code(arguments, desired, plans)


def _exit_code(arguments: argparse.Namespace, desired: DesiredState, plans: tuple[Plan, ...]) -> int:
    if any(problem.severity is Severity.ERROR for problem in desired.problems):
        print(render(desired.problems, "text"), file=sys.stderr)
        return 1
    return 2 if arguments.exit_code and any(plan.steps for plan in plans) else 0


def _between_commits(arguments: argparse.Namespace) -> tuple[DesiredState, tuple[Plan, ...]]:
    repository = Path(arguments.repo or ".")
    path = arguments.path or "."
    host = arguments.host or platform.node()
    before = desired_at(repository, arguments.from_ref, path, host)
    after = desired_at(repository, arguments.to_ref, path, host)
    return after, compare(before, after, discover_kinds())


def _against_engine(arguments: argparse.Namespace) -> tuple[DesiredState, tuple[Plan, ...]]:
    agent = build_agent(settings_from(arguments))
    try:
        return agent.preview()
    finally:
        agent.close()
