"""A config repository in memory, and the place where status and events are written back to."""

from __future__ import annotations

import hashlib
import textwrap
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping

from agent.core.deliveries import DeliveryRecord
from agent.core.eventlog import Event
from agent.core.reasons import Reason
from agent.core.status import HostStatus
from agent.core.tree import Tree, TreeFile
from agent.errors import Moved, PierheadError, Stalled
from agent.ports import Fetched, GitLogin
from agent.repository.trailers import trailers_of


class FakeRepository:
    """`agent.ports.Repository`; `head` is None while the branch does not exist, `away` is raised while it is set."""

    def __init__(self) -> None:
        self.head: str | None = None
        self.away: PierheadError | None = None
        self.notes: list[tuple[str, str]] = []
        self.trees: dict[str, Tree] = {}
        self.blobs: dict[str, bytes] = {}
        self.fetches = 0
        self._news: list[str] = []
        self.mirrored: str | None = None
        self.closed = False
        self._moves = threading.Semaphore(0)
        self.watch_error: PierheadError | None = None

    # For tests

    def commit(self, files: Mapping[str, str | None], message: str = "Change") -> str:
        """A commit on top of the branch; None removes a file."""
        contents = {path: None if text is None else textwrap.dedent(text).encode() for path, text in files.items()}
        return self.commit_bytes(contents, message)

    def commit_bytes(self, files: Mapping[str, bytes | None], message: str) -> str:
        """The same with contents as they are."""
        before = {one.path: one for one in self.trees[self.head].files} if self.head else {}
        for path, content in files.items():
            before.pop(path, None)
            if content is not None:
                before[path] = self._file(path, content)
        revision = hashlib.sha1(f"{self.head}{message}{sorted(before)}{len(self.trees)}".encode()).hexdigest()
        self.trees[revision] = Tree(revision=revision, files=tuple(before.values()), message=message)
        self.head = revision
        self._news.insert(0, message)
        return revision

    def move(self) -> None:
        """Tell whoever watches that the branch moved."""
        self._moves.release()

    def _file(self, path: str, content: bytes) -> TreeFile:
        blob_id = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        self.blobs[blob_id] = content
        return TreeFile(path=path, blob_id=blob_id, size=len(content))

    # agent.ports.Repository

    def fetch(self) -> Fetched:
        self.fetches += 1
        if self.away is not None:
            raise self.away
        self.mirrored = self.head
        notes, self.notes = tuple(self.notes), []
        messages, self._news = tuple(self._news), []
        return Fetched(revision=self.head, changed=True, notes=notes, messages=messages)

    def tree(self, revision: str | None = None) -> Tree:
        wanted = revision or self.mirrored
        if wanted is None or wanted not in self.trees:
            raise Stalled(Reason.BRANCH_MISSING, f"no commit {wanted}")
        return self.trees[wanted]

    def read_blob(self, blob_id: str) -> bytes:
        return self.blobs[blob_id]

    def read_path(self, revision: str, path: str) -> bytes | None:
        return next((self.blobs[one.blob_id] for one in self.trees[revision].files if one.path == path), None)

    def commit_trailers(self, revision: str) -> Mapping[str, tuple[str, ...]]:
        tree = self.trees.get(revision)
        return trailers_of(tree.message) if tree is not None else {}

    def watch(self, stop: Callable[[], bool]) -> Iterator[None]:
        error, self.watch_error = self.watch_error, None
        if error is not None:
            raise error
        while not stop():
            if self._moves.acquire(timeout=0.02):
                yield

    def close(self) -> None:
        self.closed = True


class FakeRecorder:
    """`agent.ports.Recorder`; keeps what was written, and writes nothing while `away` is set."""

    def __init__(self) -> None:
        self.away: PierheadError | None = None
        self.statuses: list[HostStatus] = []
        self.batches: list[list[Event]] = []
        self.deliveries: list[DeliveryRecord] = []
        self.before: Callable[[], None] = lambda: None

    @property
    def messages(self) -> list[str]:
        """Of all events, in the order in which they were written."""
        return [event.message for batch in self.batches for event in batch]

    def flush(self, status: HostStatus, events: Iterable[Event], deliveries: Iterable[DeliveryRecord] = ()) -> None:
        self.before()
        if self.away is not None:
            raise self.away
        self.statuses.append(status)
        self.batches.append(list(events))
        self.deliveries.extend(deliveries)


class FakePublisher:
    """`agent.ports.Publisher` onto a fake repository; `refusal` is raised while it is set.

    `before` is called ahead of each try, which is where somebody else may push; `published` lists what was made.
    """

    def __init__(self, repository: FakeRepository) -> None:
        self._repository = repository
        self.refusal: PierheadError | None = None
        self.before: Callable[[], None] = lambda: None
        self.published: list[str] = []
        self.tries = 0

    def publish(self, base: str, files: Mapping[str, bytes], message: str) -> str:
        self.tries += 1
        self.before()
        if self.refusal is not None:
            raise self.refusal
        if self._repository.head != base:
            raise Moved(f"the branch is at {self._repository.head}, expected {base}")
        for path in files:
            if self._repository.read_path(base, path) is None:
                raise Stalled(Reason.UPDATE_REJECTED, f"{path}: expected a file in {base}, found none")
        if all(self._repository.read_path(base, path) == content for path, content in files.items()):
            return base
        self.published.append(self._repository.commit_bytes(files, message))
        return self.published[-1]


class FakeHeads:
    """`agent.ports.Heads`; `refs` by address, `paths` by the two commits, `away` is raised while it is set."""

    def __init__(self) -> None:
        self.refs: dict[str, dict[str, str]] = {}
        self.paths: dict[tuple[str, str], tuple[str, ...]] = {}
        self.away: PierheadError | None = None
        self.asked: list[tuple[str, GitLogin | None]] = []

    def heads(self, repo_url: str, login: GitLogin | None) -> Mapping[str, str]:
        self.asked.append((repo_url, login))
        if self.away is not None:
            raise self.away
        return dict(self.refs.get(repo_url, {}))

    def changed_paths(self, repo_url: str, login: GitLogin | None, old: str, new: str) -> tuple[str, ...] | None:
        if self.away is not None:
            raise self.away
        return self.paths.get((old, new))
