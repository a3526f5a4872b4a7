"""What pushes say, in the words of the design: refs, commits, changed paths.

The zero hash is no commit. Changed paths are known only where the sender lists every commit up to the new tip together
with its files; a list that may be short is unknown, never empty.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from agent.core.inbound import GIT_PUSH, PING, TAG_PUSH, InboundEvent
from agent.core.values import quoted
from agent.core.webhooks.reading import at, items, text

BRANCHES, TAGS = "refs/heads/", "refs/tags/"

_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_PATH_LISTS = ("added", "removed", "modified")


class Place(NamedTuple):
    """Where something was pushed to."""

    repo: str | None
    clone_url: str | None


def commit_of(value: object) -> str | None:
    """A commit's hash; None for the zero hash and anything that is no hash."""
    found = value.lower() if isinstance(value, str) else ""
    return found if _HASH.fullmatch(found) and found.strip("0") else None


def is_zero(value: object) -> bool:
    """Whether it is the hash that stands for nothing, of SHA-1 or SHA-256."""
    return isinstance(value, str) and len(value) in (40, 64) and not value.strip("0")


def full_ref(name: str, prefix: str) -> str:
    """The full name of a branch or tag that may be short."""
    return name if name.startswith("refs/") else prefix + name


def moved(place: Place, ref: str, commit: str | None, paths: tuple[str, ...] | None = None) -> InboundEvent | str:
    """The event of a ref that points to a commit now; a reason where the ref is neither branch nor tag."""
    if branch := _behind(ref, BRANCHES):
        return InboundEvent(
            type=GIT_PUSH,
            repo=place.repo,
            clone_url=place.clone_url,
            ref=ref,
            branch=branch,
            commit=commit,
            changed_paths=paths,
        )
    if tag := _behind(ref, TAGS):
        return InboundEvent(type=TAG_PUSH, repo=place.repo, clone_url=place.clone_url, ref=ref, tag=tag, commit=commit)
    return f"the ref {quoted(ref)} is neither a branch nor a tag"


def _behind(ref: str, prefix: str) -> str:
    return ref.removeprefix(prefix) if ref.startswith(prefix) else ""


def ping(place: Place) -> InboundEvent:
    """The event of a sender that only tries whether it is heard."""
    return InboundEvent(type=PING, repo=place.repo, clone_url=place.clone_url)


def deleted(ref: str) -> str:
    """The reason of a delivery that announces the end of a ref."""
    return f"{quoted(ref)} was deleted"


def changed_paths(commits: object, tip: str | None, total: object = None) -> tuple[str, ...] | None:
    """All paths that the listed commits touch, sorted; None where the list does not say all of it.

    `tip` is the commit that must be among them, `total` how many there are, where the sender counts them.
    """
    listed = items(commits)
    short = isinstance(total, int) and total > len(listed)
    if short or tip is None or all(at(commit, "id") != tip for commit in listed):
        return None
    found: set[str] = set()
    for commit in listed:
        paths = _paths_of(commit)
        if paths is None:
            return None
        found.update(paths)
    return tuple(sorted(found)) or None


def _paths_of(commit: object) -> Sequence[str] | None:
    """The paths of one commit. A list that is null is empty where another one is there."""
    lists = [found for name in _PATH_LISTS if (found := at(commit, name)) is not None]
    if not lists:
        return None
    paths: list[str] = []
    for found in lists:
        if not isinstance(found, list):
            return None
        for sent in found:
            path = text(sent)
            if path is None:
                return None
            paths.append(path)
    return paths
