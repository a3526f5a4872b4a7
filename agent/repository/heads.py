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

import pygit2

from agent.errors import PierheadError
from agent.ports import GitLogin, Secrets
from agent.repository.credentials import TooMuch
from agent.repository.git_cache import GitCache
from agent.repository.library import BROKEN
from agent.repository.urls import local_path, same_repository
from agent.repository.watched import Watched, WatchedConfig
from agent.settings import RepositorySettings

logger = logging.getLogger(__name__)

MOST_PATHS = 3000
DEEP = 100
"""How far back the old commit is looked for where a server gives no commit by its id."""

NOT_BY_ID = ("cannot fetch a specific object", "not our ref", "unadvertised", "shallow")
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
            return watched.bounded(lambda: _compared(folder, old, new))
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
            return self._in_cache(watched, key, commits)
        except TooMuch as error:
            logger.warning("changed paths of %s cannot be told: it is too large, %s", watched.name, error)
            self._too_large.add(settings)
            self._cache.forget(place)
            return None
        finally:
            self._in_use.discard(place)
            self._trim()

    def _in_cache(self, watched: Watched, key: str, commits: tuple[str, str]) -> tuple[str, ...] | None:
        place = self._cache.place(key)
        try:
            self._bring(watched, place, commits)
            return _compared(place, *commits)
        except BROKEN as error:
            logger.info("the cache %s is made anew: %s", place, error)
        self._cache.forget(place)
        self._bring(watched, self._cache.place(key), commits)
        return _compared(place, *commits)

    def _bring(self, watched: Watched, place: Path, commits: tuple[str, str]) -> None:
        """Fetch what is missing: by id, or where a server does not offer that, by the names of branches and tags."""
        missing = [one for one in commits if not _has(place, one)]
        if not missing:
            return
        try:
            watched.bring(place, {one: one for one in missing}, 1, self._cache.most_bytes)
        except PierheadError as error:
            if not any(words in error.message for words in NOT_BY_ID):
                raise
            self._bring_by_name(watched, place, commits)
        _keep_only(place, commits[1])

    def _bring_by_name(self, watched: Watched, place: Path, commits: tuple[str, str]) -> None:
        old, new = commits
        names = {commit: name for name, commit in watched.heads().items() if commit in commits}
        if new in names and old not in names and not _has(place, old):
            watched.bring(place, {names[new]: new}, DEEP, self._cache.most_bytes)
        elif names:
            watched.bring(place, {name: commit for commit, name in names.items()}, 1, self._cache.most_bytes)

    def _trim(self) -> None:
        with self._lock:
            self._cache.trim(lambda place: place in self._in_use)


def _has(place: Path, commit: str) -> bool:
    return pygit2.Oid(hex=commit) in pygit2.Repository(str(place))


def _keep_only(place: Path, commit: str) -> None:
    """The newest commit is the next one's old one; what no ref names any more goes with the whole cache one day."""
    repository = pygit2.Repository(str(place))
    for name in list(repository.references):
        if not name.endswith(f"/{commit}"):
            repository.references.delete(name)


def _compared(place: Path, old: str, new: str) -> tuple[str, ...] | None:
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
