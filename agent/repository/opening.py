"""Chooses how the config repository is followed and where status and updates go, from the host settings alone."""

from __future__ import annotations

from agent.core.reasons import Reason
from agent.errors import Stalled
from agent.ports import Clock, Publisher, Secrets
from agent.repository.commits import Author
from agent.repository.destination import Destination, LocalDestination, RemoteDestination
from agent.repository.git_cache import GitCache
from agent.repository.heads import RemoteHeads
from agent.repository.mirror import Mirror
from agent.repository.record import GitRecorder
from agent.repository.update import RemotePublisher, WithheldPublisher
from agent.repository.update_local import LocalPublisher
from agent.repository.update_worktree import WorkTreePublisher
from agent.repository.urls import local_path, redact
from agent.repository.worktree import WorkTree
from agent.settings import AgentSettings


def open_repository(settings: AgentSettings, secrets: Secrets) -> Mirror | WorkTree:
    """The mirror, or with `repo.worktree` the working tree itself."""
    if not settings.repo.worktree:
        return Mirror(settings.repo, settings.data_dir, secrets)
    folder = local_path(settings.repo.url)
    if folder is None:
        raise Stalled(
            Reason.INVALID_SETTINGS,
            f"repo.worktree follows a folder on this machine, found {redact(settings.repo.url)}",
            advice="set repo.url to the folder of a working tree, or repo.worktree to false",
        )
    return WorkTree(folder, settings.repo.path)


def open_recorder(settings: AgentSettings, repository: Mirror | WorkTree, clock: Clock) -> GitRecorder:
    """The recorder beside a repository: to the remote, to the local repository, or without `push` into the mirror."""
    return GitRecorder(_destination(settings, repository), settings.host, settings.write_back, clock)


def open_publisher(settings: AgentSettings, repository: Mirror | WorkTree, clock: Clock) -> Publisher:
    """What writes the agent's own commits: to the remote, the local repository, or into the followed working tree.

    Without `write_back.push` nothing is written to any repository but the mirror, so every update is refused.
    """
    if isinstance(repository, WorkTree):
        return WorkTreePublisher(repository)
    if not settings.write_back.push:
        return WithheldPublisher()
    author = Author(settings.host, clock)
    if local_path(settings.repo.url) is not None:
        return LocalPublisher(settings.repo, author)
    return RemotePublisher(repository, settings.repo, author)


def open_heads(settings: AgentSettings, secrets: Secrets) -> RemoteHeads:
    """What watches git repositories for triggers."""
    return RemoteHeads(settings.repo, secrets, GitCache(settings.data_dir))


def _destination(settings: AgentSettings, repository: Mirror | WorkTree) -> Destination:
    folder = local_path(settings.repo.url)
    if isinstance(repository, Mirror):
        if not settings.write_back.push:
            return LocalDestination(repository.path)
        if folder is None:
            return RemoteDestination(repository, settings.host)
    return LocalDestination(folder or repository.path)
