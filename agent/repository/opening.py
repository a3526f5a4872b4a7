"""Chooses how the config repository is followed and where status goes, from the host settings alone."""

from __future__ import annotations

from agent.core.reasons import Reason
from agent.errors import Stalled
from agent.ports import Clock, Secrets
from agent.repository.destination import Destination, LocalDestination, RemoteDestination
from agent.repository.mirror import Mirror
from agent.repository.record import GitRecorder
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


def _destination(settings: AgentSettings, repository: Mirror | WorkTree) -> Destination:
    folder = local_path(settings.repo.url)
    if isinstance(repository, Mirror):
        if not settings.write_back.push:
            return LocalDestination(repository.path)
        if folder is None:
            return RemoteDestination(repository, settings.host)
    return LocalDestination(folder or repository.path)
