"""Watches any git repository for git triggers: where its branches and tags are, and what changed between two commits.

Branches and tags are asked for without fetching anything. For changed paths two commits are fetched without their
history, into a small cache; a repository on this machine is read where it lies. Paths are compared as they are in the
two commits, so a rewritten history makes no difference as long as the old commit can still be had.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Mapping
from pathlib import Path

from agent.ports import GitLogin, Secrets
from agent.repository.comparing import bring, compared
from agent.repository.credentials import TooMuch
from agent.repository.git_cache import GitCache
from agent.repository.library import BROKEN
from agent.repository.urls import local_path, same_repository
from agent.repository.watched import Watched, WatchedConfig
from agent.settings import RepositorySettings

logger = logging.getLogger(__name__)

_COMMIT = re.compile(r"[0-9a-f]{40}")


class RemoteHeads:
    """Implements `ports.Heads`; `own` are the host's settings of the config repository. Safe from any thread."""

    def __init__(self, own: RepositorySettings, secrets: Secrets, cache: GitCache) -> None:
        self._own = own
        self._secrets = secrets
        self._cache = cache
        self._lock = threading.Lock()
        self._watched: dict[RepositorySettings, Watched] = {}
        self._in_use: set[Path] = set()
        self._too_large: set[RepositorySettings] = set()

    def heads(self, repo_url: str, login: GitLogin | None) -> Mapping[str, str]:
        """See `ports.Heads`."""
        return self._of(self._settings(repo_url, login)).heads()

    def changed_paths(self, repo_url: str, login: GitLogin | None, old: str, new: str) -> tuple[str, ...] | None:
        """See `ports.Heads`; None also for more than 3,000 paths and for a repository that is too large to fetch."""
        if not (_COMMIT.fullmatch(old) and _COMMIT.fullmatch(new)):
            return None
        settings = self._settings(repo_url, login)
        folder = local_path(settings.url)
        watched = self._of(settings)
        if folder is not None:
            return watched.bounded(lambda: compared(folder, old, new))
        if settings in self._too_large:
            return None
        with watched.lock:
            return self._fetched(watched, settings, (old, new))

    def _settings(self, repo_url: str, login: GitLogin | None) -> RepositorySettings:
        """Where and how to log in. The host's own login is never offered to another address than its own."""
        if login is None and same_repository(repo_url, self._own.url):
            return self._own
        login = login or GitLogin()
        return RepositorySettings(
            url=repo_url,
            timeout=self._own.timeout,
            username=login.username,
            password=login.password_secret,
            ssh_key=login.ssh_key_secret,
            known_hosts=login.known_hosts,
        )

    def _of(self, settings: RepositorySettings) -> Watched:
        with self._lock:
            if settings not in self._watched:
                home = self._cache.folder / "ssh" / str(len(self._watched))
                kind = WatchedConfig if settings == self._own else Watched
                self._watched[settings] = kind(settings, home, self._secrets)
            return self._watched[settings]

    def _fetched(
        self, watched: Watched, settings: RepositorySettings, commits: tuple[str, str]
    ) -> tuple[str, ...] | None:
        """Compare in the cache, which is made anew once where it turns out to be broken."""
        key = repr(settings)  # with the login: nobody sees what only another one may fetch
        place = self._cache.place(key)
        self._in_use.add(place)
        try:
            return self._compared(watched, key, commits)
        except TooMuch as error:
            logger.warning("changed paths of %s cannot be told: it is too large, %s", watched.name, error)
            self._too_large.add(settings)
            self._cache.forget(place)
            return None
        finally:
            self._in_use.discard(place)
            self._trim()

    def _compared(self, watched: Watched, key: str, commits: tuple[str, str]) -> tuple[str, ...] | None:
        place, most = self._cache.place(key), self._cache.most_bytes
        try:
            bring(watched, place, commits, most)
            return compared(place, *commits)
        except BROKEN as error:
            logger.info("the cache %s is made anew: %s", place, error)
        self._cache.forget(place)
        bring(watched, self._cache.place(key), commits, most)
        return compared(place, *commits)

    def _trim(self) -> None:
        with self._lock:
            self._cache.trim(lambda place: place in self._in_use)
