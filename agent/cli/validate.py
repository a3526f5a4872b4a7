"""`pierhead validate`: every problem of a config repository at once. Exits 0 when there is no error, 1 when there is.

It asks no engine and no network. Without `--host` a repository is looked at as each of the hosts that it names; without
`--config` what a host may forbid is taken to be allowed.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from agent.core.desired import StateBuilder
from agent.core.documents import DocumentLoader, LoadedTree
from agent.core.policy import HostPolicy
from agent.core.problems import Problem, Severity
from agent.core.report import FORMATS, problem_line, render, summary
from agent.core.validation.hosts import host_patterns, stand_ins
from agent.errors import Usage
from agent.loading import EVERYTHING, compiled_schemas, context_for
from agent.repository.local import LocalRepository
from agent.repository.worktree import WorkTree
from agent.settings import load_settings


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "validate",
        help="check all documents of a config repository",
        description="Check a folder, the working tree of a repository, or with --ref one of its commits. Neither an "
        "engine nor a network is needed.",
    )
    parser.add_argument("folder", nargs="?", default=".", metavar="PATH", help="folder or repository (default: .)")
    parser.add_argument("--ref", metavar="REF", help="a branch, tag or commit, instead of the files as they are")
    parser.add_argument("--path", default=".", metavar="DIR", help="folder inside PATH that is read (default: .)")
    parser.add_argument("--host", metavar="NAME", help="check for this host only (default: for every host named)")
    parser.add_argument("--config", metavar="FILE", help="host settings, for the policy of the host")
    parser.add_argument("--format", choices=FORMATS, default="text", help="how to print (default: text)")
    parser.set_defaults(run=run)


@dataclass(frozen=True, slots=True)
class _View:
    """What the repository is judged by. `hosts` is empty where every host that it names is meant."""

    hosts: tuple[str, ...]
    policy: HostPolicy


def run(arguments: argparse.Namespace) -> int:
    """Print all problems."""
    loaded = _load(arguments)
    problems = problems_of(loaded, _view(arguments))
    if shown := _shown(problems, loaded, arguments):
        print(shown)
    return 1 if any(problem.severity is Severity.ERROR for problem in problems) else 0


def _load(arguments: argparse.Namespace) -> LoadedTree:
    folder = Path(arguments.folder)
    if not folder.is_dir():
        found = "a file" if folder.exists() else "nothing"
        raise Usage(f"expected a folder at {folder}, found {found}", advice="name the folder of the config repository")
    loader = DocumentLoader(compiled_schemas())
    if arguments.ref is not None:
        repository = LocalRepository(folder, arguments.path)
        return loader.load(repository.tree(arguments.ref), repository.read_blob)
    files = WorkTree(folder, arguments.path)
    return loader.load(files.tree(), files.read_blob)


def _view(arguments: argparse.Namespace) -> _View:
    if arguments.config is None:
        return _View((arguments.host,) if arguments.host else (), EVERYTHING)
    settings = load_settings(arguments)
    return _View((settings.host,), settings.policy)


def problems_of(loaded: LoadedTree, view: _View) -> tuple[Problem, ...]:
    """The problems that any of the hosts has, each once, in the order of the files."""
    found: set[Problem] = set()
    for host in view.hosts or stand_ins(host_patterns(loaded.documents)):
        found.update(StateBuilder(context_for(host, view.policy)).build(loaded).problems)
    return tuple(sorted(found, key=lambda problem: problem.sort_key))


def _shown(problems: Sequence[Problem], loaded: LoadedTree, arguments: argparse.Namespace) -> str:
    if arguments.format == "github":
        root = os.path.relpath(Path(arguments.folder) / arguments.path)
        return render([_below(problem, root) for problem in problems], "github")
    if arguments.format == "json":
        return render(problems, "json")
    documents, files = len(tuple(loaded.documents)), len(loaded.files)
    closing = f"{summary(problems)} in {_counted(documents, 'document')}, {_counted(files, 'file')}"
    return "\n".join([*_lines(problems), closing])


def _lines(problems: Iterable[Problem]) -> list[str]:
    return [problem_line(problem) for problem in problems]


def _counted(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _below(problem: Problem, root: str) -> Problem:
    """The problem with its path from the folder in which the command runs, as annotations need it."""
    path = os.path.normpath(os.path.join(root, problem.position.path))  # noqa: PTH118 - text, not a file
    return replace(problem, position=replace(problem.position, path=path))
