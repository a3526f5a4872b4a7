"""The config repository as a bare mirror below `data_dir`, kept current by fetching one branch.

It is a cache: whatever is wrong with it (half-written, corrupt, another URL's) is answered by making it anew from the
remote. What the remote does (force-push, branch gone and back, empty) is told in notes and needs no help.
"""

from __future__ import annotations

import gc
import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import pygit2

from agent.core.reasons import Reason
from agent.core.tree import Tree
from agent.errors import PierheadError, Stalled, Transient
from agent.ports import Fetched, Secrets
from agent.repository.compaction import compact
from agent.repository.health import intact, origin_of, remove_locks
from agent.repository.library import BROKEN
from agent.repository.objects import Objects
from agent.repository.remote import Remote
from agent.repository.trailers import trailers_of
from agent.repository.urls import local_path
from agent.repository.watching import watch_branch
from agent.settings import RepositorySettings

logger = logging.getLogger(__name__)
Result = TypeVar("Result")

FOLDER = "mirror.git"
ORIGIN = "pierhead-origin"
TIDY_EVERY = 3600.0


class Mirror:
    """Implements `ports.Repository` for a remote, and for a local repository whose commits are followed."""

    def __init__(self, settings: RepositorySettings, data_dir: Path, secrets: Secrets) -> None:
        self._settings = settings
        self._tracking = f"refs/remotes/origin/{settings.branch}"
        self._followed = f"refs/pierhead/followed/{settings.branch}"
        self._refspec = f"+refs/heads/{settings.branch}:{self._tracking}"
        self._fetch_lock = threading.RLock()
        self._notes: list[tuple[str, str]] = []
        self._objects: Objects | None = None
        self._answered = False
        self._tidied = float("-inf")
        self._seen: tuple[str | None] | None = None
        self.path = data_dir / FOLDER
        self.remote = Remote(settings, data_dir / "ssh", secrets)
        self._open()

    # Keeping the mirror usable ---------------------------------------------------------------------------------------

    def _open(self) -> None:
        """Open what is there, or make it anew."""
        origin = origin_of(self._settings.url)
        marker = self.path / ORIGIN
        same = marker.is_file() and marker.read_text(encoding="ascii", errors="replace") == origin
        if same:
            remove_locks(self.path)
        if not same or not self._intact():
            if same:
                self._note_rebuilt("it could not be read")
            self._make(origin)
        self._objects = Objects(self.path, self._settings.path)

    def _make(self, origin: str) -> None:
        """An empty mirror in the place of whatever was there."""
        gc.collect()  # pygit2's repositories are cycles, and a forgotten one still keeps its broken packs open
        try:
            if self.path.exists():
                broken = self.path.with_suffix(".broken")
                shutil.rmtree(broken, ignore_errors=True)
                self.path.rename(broken)
                shutil.rmtree(broken, ignore_errors=True)
            self.path.parent.mkdir(parents=True, exist_ok=True)
            pygit2.init_repository(str(self.path), bare=True)
            (self.path / ORIGIN).write_text(origin, encoding="ascii")
        except OSError as error:
            raise Transient(
                Reason.DISK_FULL,
                f"the mirror {self.path} cannot be made: {error}",
                advice="check free space and permissions of data_dir",
            ) from error

    def _intact(self) -> bool:
        return intact(self.path, histories={self._tracking, self._followed})

    def _note_rebuilt(self, why: str) -> None:
        self._notes.append((Reason.MIRROR_REBUILT, f"the mirror {self.path} was made anew: {why}"))
        logger.warning("the mirror %s is made anew: %s", self.path, why)

    def repair(self, why: str) -> bool:
        """Make the mirror anew and fill it if it is broken; Transient when the remote is away too.

        libgit2 shares open packs by their path, so nobody may hold the broken ones: not even the traceback of the
        exception that led here.
        """
        with self._fetch_lock:
            self._objects = None
            broken = not self._intact()
            if broken:
                self._note_rebuilt(why)
                self._make(origin_of(self._settings.url))
            self._objects = Objects(self.path, self._settings.path)
            if broken:
                self.remote.fetch(self.path, [self._refspec])
                self._remember(self._tip())
            return broken

    def _reading(self, read: Callable[[Objects], Result]) -> Result:
        """Read; when the mirror turns out to be broken, make it anew and read once more."""
        try:
            return read(self._opened())
        except BROKEN as error:
            why = str(error)
        self.repair(why)
        try:
            return read(self._opened())
        except BROKEN as error:
            raise Transient(
                Reason.REPOSITORY_UNREACHABLE, f"the mirror of {self.remote.name} lacks something: {error}"
            ) from error

    def _opened(self) -> Objects:
        objects = self._objects
        if objects is None:
            raise Transient(Reason.REPOSITORY_UNREACHABLE, "the mirror is closed, or just being made anew")
        return objects

    # ports.Repository ------------------------------------------------------------------------------------------------

    def fetch(self) -> Fetched:
        """Bring the mirror up to date; see `ports.Repository`."""
        with self._fetch_lock:
            failure = self._failure_of_fetch()
            if failure is not None and not self.repair(f"a fetch failed: {failure}"):
                raise failure
            self._answered = True
            tip = self._reading(lambda _: self._tip())
            changed = (tip,) != self._seen
            messages = self._news(tip) if changed else ()
            if changed:
                self._compare(tip)
            self._remember(tip)
            self._seen = (tip,)
            self._tidy()
            notes, self._notes = tuple(self._notes), []
            return Fetched(revision=tip, changed=changed, notes=notes, messages=messages)

    def _failure_of_fetch(self) -> PierheadError | None:
        """Fetch; the failure without the traceback, which would keep the mirror's files open."""
        try:
            self.remote.fetch(self.path, [self._refspec])
        except PierheadError as error:
            return error.with_traceback(None)
        return None

    def _tip(self) -> str | None:
        return self._opened().tip(self._tracking)

    def _last(self) -> str | None:
        return self._opened().tip(self._followed)

    def _news(self, tip: str | None) -> tuple[str, ...]:
        """Messages of the commits since the last known one; of the newest alone where none is known."""
        last = self._last()
        return () if tip in (None, last) else self._reading(lambda objects: objects.messages(last, tip or ""))

    def _compare(self, tip: str | None) -> None:
        """Note what is unusual about the way from the last known commit to this one."""
        last = self._last()
        where = f"branch {self._settings.branch} of {self.remote.name}"
        if tip is None:
            kept = f"; commit {last[:12]} stays in force" if last else ""
            self._notes.append((Reason.BRANCH_MISSING, f"{where} does not exist{kept}"))
        elif last is not None and last != tip:
            repository = pygit2.Repository(str(self.path))
            if not repository.descendant_of(pygit2.Oid(hex=tip), pygit2.Oid(hex=last)):
                rewritten = f"{where} was rewritten: {tip[:12]} does not build on {last[:12]}"
                self._notes.append((Reason.HISTORY_REWRITTEN, rewritten))

    def _remember(self, tip: str | None) -> None:
        """Keep a ref on the last known commit, which outlives the branch."""
        if tip is not None and tip != self._last():
            pygit2.Repository(str(self.path)).references.create(self._followed, pygit2.Oid(hex=tip), force=True)

    def _tidy(self) -> None:
        """Once an hour, see whether the mirror has become many small files."""
        if time.monotonic() - self._tidied >= TIDY_EVERY:
            self._tidied = time.monotonic()
            if compact(self.path, time.time()):
                self._objects = Objects(self.path, self._settings.path)

    def tree(self, revision: str | None = None) -> Tree:
        """The files at a revision; without one, at the followed branch."""
        commit = self._reading(lambda objects: self._named(objects, revision))
        if commit is not None:
            return self._reading(lambda objects: objects.tree(commit))
        if revision is not None:
            raise Stalled(Reason.BRANCH_MISSING, f"the mirror of {self.remote.name} has no commit {revision}")
        if not self._answered:
            raise Transient(Reason.REPOSITORY_UNREACHABLE, f"{self.remote.name} has not been read yet")
        why = f"branch {self._settings.branch} does not exist in {self.remote.name}"
        return Tree(revision=self._last() or "", missing=why)

    def _named(self, objects: Objects, revision: str | None) -> str | None:
        if revision is None:
            return objects.tip(self._tracking)
        return objects.resolve((revision, f"refs/remotes/origin/{revision}"))

    def read_blob(self, blob_id: str) -> bytes:
        return self._reading(lambda objects: objects.read_blob(blob_id))

    def read_path(self, revision: str, path: str) -> bytes | None:
        return self._reading(lambda objects: objects.read_path(revision, path))

    def commit_trailers(self, revision: str) -> Mapping[str, tuple[str, ...]]:
        return trailers_of(self._reading(lambda objects: objects.message(revision)))

    def advance(self, base: str, commit: str) -> None:
        """After a push of our own: the branch is known to be at `commit`, unless a fetch has seen it move since.

        The next fetch still tells the commit as news.
        """
        with self._fetch_lock, suppress(*BROKEN):  # whatever is wrong here, the next fetch finds it
            if self._tip() == base:
                repository = pygit2.Repository(str(self.path))
                repository.references.create(self._tracking, pygit2.Oid(hex=commit), force=True)

    def watch(self, stop: Callable[[], bool]) -> Iterator[None]:
        """Yield when the branch of a local repository moved; end at once for a remote."""
        folder = local_path(self._settings.url)
        if folder is not None:
            yield from watch_branch(folder, self._settings.branch, stop)

    def close(self) -> None:
        self._objects = None
