"""The push that GitHub made and Gitea, Forgejo and Gogs took over, with its small differences.

For a tag `after` can be the annotated tag itself: the commit is that of `head_commit`, where the sender has the field.
"""

from __future__ import annotations

from agent.core.delivery import Parsed
from agent.core.webhooks.git import TAGS, Place, changed_paths, commit_of, deleted, is_zero, moved
from agent.core.webhooks.reading import at, required, text
from agent.core.webhooks.sender import one


def place_of(body: object) -> Place:
    """The repository of a delivery."""
    repository = at(body, "repository")
    name = text(at(repository, "full_name"))
    if name is None:
        owner = text(at(repository, "owner", "login")) or text(at(repository, "owner", "username"))
        inner = text(at(repository, "name"))
        name = f"{owner}/{inner}" if owner and inner else None
    return Place(name, text(at(repository, "clone_url")))


def read_push(body: dict[str, object]) -> Parsed:
    """What a push says."""
    ref = required(body, "ref")
    if body.get("deleted") is True or is_zero(body.get("after")):
        return one(deleted(ref))
    commit = _commit(body, ref)
    forced = body.get("forced") is True
    paths = None if forced else changed_paths(body.get("commits"), commit, body.get("total_commits"))
    return one(moved(place_of(body), ref, commit, paths))


def _commit(body: dict[str, object], ref: str) -> str | None:
    head = commit_of(at(body, "head_commit", "id"))
    after = commit_of(body.get("after"))
    if ref.startswith(TAGS):
        return head if "head_commit" in body else after
    return after or head
