"""Which paths differ between two commits of a watched repository, fetched into a cache without their histories.

A server that gives commits by id is asked for just the two. Elsewhere the new one is fetched by the branch or tag that
is there, and the old one is what was new the time before, or not far behind.
"""

from __future__ import annotations

from pathlib import Path

import pygit2

from agent.errors import Transient
from agent.repository.watched import Watched

MOST_PATHS = 3000
DEEP = 100
"""How far back the old commit is looked for where a server gives no commit by its id."""


def bring(watched: Watched, place: Path, commits: tuple[str, str], most: int) -> None:
    """Fetch what is missing of an old and a new commit, as far as the server gives it; TooMuch beyond `most` bytes."""
    missing = [one for one in commits if not _has(place, one)]
    if not missing:
        return
    try:
        watched.bring(place, {one: one for one in missing}, 1, most)
    except Transient:  # servers refuse it in many ways; one that is away fails once more
        _bring_by_name(watched, place, commits, most)
    _keep_only(place, commits[1])


def _bring_by_name(watched: Watched, place: Path, commits: tuple[str, str], most: int) -> None:
    old, new = commits
    names = {commit: name for name, commit in watched.heads().items() if commit in commits}
    if new in names and old not in names and not _has(place, old):
        watched.bring(place, {names[new]: new}, DEEP, most)
    elif names:
        watched.bring(place, {name: commit for commit, name in names.items()}, 1, most)


def _has(place: Path, commit: str) -> bool:
    return pygit2.Oid(hex=commit) in pygit2.Repository(str(place))


def _keep_only(place: Path, commit: str) -> None:
    """The newest commit is the next one's old one; what no ref names any more goes with the whole cache one day."""
    repository = pygit2.Repository(str(place))
    for name in list(repository.references):
        if not name.endswith(f"/{commit}"):
            repository.references.delete(name)


def compared(place: Path, old: str, new: str) -> tuple[str, ...] | None:
    """The paths that differ; None where one of the commits is not there, or there are too many."""
    repository = pygit2.Repository(str(place))
    if not all(pygit2.Oid(hex=one) in repository for one in (old, new)):
        return None
    before, after = (repository[pygit2.Oid(hex=one)].peel(pygit2.Tree) for one in (old, new))
    paths: set[bytes] = set()
    for delta in before.diff_to_tree(after).deltas:
        paths |= {delta.old_file.raw_path, delta.new_file.raw_path}
        if len(paths) > MOST_PATHS:
            return None
    return tuple(sorted(path.decode("utf-8", "backslashreplace") for path in paths))
