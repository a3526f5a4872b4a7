"""`pierhead doctor`: looks at everything an agent needs, and says for each what was found and how to mend it.

It changes nothing and leaves no trace. Exit code 1 when a check failed; warnings do not count.
"""

from __future__ import annotations

import argparse
import json
import secrets as random_bytes
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, replace

from agent.cli.checks.engine import check_engine
from agent.cli.checks.machine import (
    check_addresses,
    check_compose,
    check_data_dir,
    check_python,
    check_space,
    check_watches,
)
from agent.cli.checks.repository import check_remote_clock, check_repository, check_secrets
from agent.cli.checks.result import Check
from agent.cli.options import add_host_options, settings_from
from agent.errors import PierheadError
from agent.ports import Repository
from agent.secrets.build import build_providers
from agent.secrets.store import SecretStore
from agent.settings import AgentSettings, process_environment

_LONGEST_WAIT = 15.0


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "doctor",
        help="check everything an agent needs, and say how to mend it",
        description="Check this machine, the engine and the config repository with the given host settings. Changes"
        " nothing; exits 1 when something must be mended.",
    )
    add_host_options(parser)
    parser.add_argument("--json", action="store_true", help="print the checks as JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the checks; text appears as each is done."""
    done: list[Check] = []
    for check in all_checks(arguments):
        done.append(check)
        if not arguments.json:
            print(render(check), flush=True)
    failed = sum(check.state == "fail" for check in done)
    if arguments.json:
        print(json.dumps({"ok": not failed, "checks": [asdict(check) for check in done]}, indent=2))
    else:
        warned = sum(check.state == "warn" for check in done)
        print(f"\n{len(done)} checks: {failed} failed, {warned} with a warning")
    return 1 if failed else 0


def render(check: Check) -> str:
    """One check as text: state, name, finding, and below it what to do."""
    line = f"{check.state:<5} {check.name:<17} {check.found}"
    return f"{line}\n{'':<6}→ {check.fix}" if check.fix else line


def all_checks(arguments: argparse.Namespace) -> Iterator[Check]:
    """All checks, one after another; without usable settings only those that need none."""
    yield check_python()
    yield check_compose()
    try:
        settings = settings_from(arguments)
    except PierheadError as error:
        yield Check("settings", "fail", error.message, error.advice)
        return
    yield Check("settings", "ok", f"host {settings.host} follows {settings.repo.branch}")
    yield from _machine_checks(settings)
    yield from _engine_checks(settings)
    yield from _repository_checks(settings)


def _machine_checks(settings: AgentSettings) -> Iterator[Check]:
    from agent.repository.urls import local_path

    yield check_data_dir(settings.data_dir)
    yield check_space("disk", settings.data_dir)
    yield from check_addresses(settings)
    folder = local_path(settings.repo.url)
    if folder is not None:
        yield check_watches(folder)


def _engine_checks(settings: AgentSettings) -> Iterator[Check]:
    from agent.clock import SystemClock
    from agent.wiring_outside import build_engine

    with closing(build_engine(settings)) as engine:
        yield from check_engine(settings.engine_url, engine, SystemClock())


def _repository_checks(settings: AgentSettings) -> Iterator[Check]:
    from agent.cli.checks.documents import check_documents
    from agent.clock import SystemClock
    from agent.repository.access import Access

    late: list[Repository] = []
    try:
        secrets = _secrets(settings, late)
    except PierheadError as error:
        yield Check("secrets", "fail", error.message, error.advice)
        return
    yield from check_secrets(settings, secrets)
    patient = replace(settings.repo, timeout=min(settings.repo.timeout, _LONGEST_WAIT))
    with closing(Access(patient, secrets)) as access:
        checks = list(check_repository(settings, access))
    yield from checks
    yield from check_remote_clock(settings.repo.url, SystemClock())
    if checks[0].state == "ok":
        yield from check_documents(settings, secrets, late)


def _secrets(settings: AgentSettings, late: list[Repository]) -> SecretStore:
    """The store, with a key for this run only: the host's own is not made by looking.

    `late` holds the repository while there is one; encrypted secrets are read from it.
    """

    def read_path(path: str) -> bytes | None:
        return late[0].read_path(late[0].tree().revision, path) if late else None

    return SecretStore(build_providers(settings, process_environment(), read_path), random_bytes.token_bytes(32))
