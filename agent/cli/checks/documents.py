"""The documents of the config repository as this host reads them, and the secrets that its workloads name.

The repository is fetched into a scratch folder, so the agent's own mirror is not touched.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from agent.cli.checks.result import Check, State
from agent.core.model import DesiredState
from agent.core.problems import Severity
from agent.core.report import problem_line, summary
from agent.errors import PierheadError
from agent.loading import context_for, loader
from agent.ports import Repository
from agent.repository.opening import open_repository
from agent.secrets.store import SecretStore
from agent.settings import AgentSettings

_SHOWN = 10


def check_documents(settings: AgentSettings, secrets: SecretStore, late: list[Repository]) -> Iterator[Check]:
    """One check for all documents, then one for each of the first problems. `late` receives the repository."""
    with tempfile.TemporaryDirectory(prefix="pierhead-") as scratch:
        try:
            with closing(open_repository(replace(settings, data_dir=Path(scratch)), secrets)) as repository:
                late.append(repository)
                repository.fetch()
                desired = _desired(settings, secrets, repository)
        except PierheadError as error:
            yield Check("documents", "fail", error.message, error.advice or "see the checks above")
            return
        finally:
            late.clear()
    yield from _judge(desired, settings.host)


def _desired(settings: AgentSettings, secrets: SecretStore, repository: Repository) -> DesiredState:
    context = context_for(settings.host, settings.policy, lambda name: secrets.digest(name) is not None)
    return loader(context, repository.read_blob, None)(repository.tree())


def _judge(desired: DesiredState, host: str) -> Iterator[Check]:
    found = f"workloads for {host}: {len(desired.workloads)}"
    if not desired.problems:
        yield Check("documents", "ok" if desired.readable else "warn", found)
        return
    yield Check("documents", "info", f"{found}; {summary(desired.problems)}")
    for problem in desired.problems[:_SHOWN]:
        state: State = "fail" if problem.severity is Severity.ERROR else "warn"
        text = problem_line(replace(problem, fix=""))
        yield Check("document", state, text, problem.fix or "correct it, commit and push")
