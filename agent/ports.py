"""Protocols of everything outside. Adapters implement them; reconcile, web and cli use nothing else.

Each adapter raises `Stalled` or `Transient` (agent.errors) and no library's own exception.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from agent.core.actions import CreateContainer, UpdateContainer
from agent.core.deliveries import DeliveryRecord
from agent.core.eventlog import Event
from agent.core.observed import ContainerDetail, ObservedContainer
from agent.core.status import HostStatus
from agent.core.tree import Tree

# Engine ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """How to log in to one registry host; both empty means anonymous."""

    host: str
    username: str = ""
    password: str = ""
    insecure: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineEvent:
    """One engine event about a container of ours. `action` is start, die, destroy, rename, update, health_status, …

    `lost` is True for the marker sent after the stream broke: events may have been missed, list again.
    """

    action: str = ""
    container_id: str = ""
    workload_id: str = ""
    time: float = 0.0
    lost: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineInfo:
    """What `doctor` and the lock need to know. `time` is the engine's clock in epoch seconds."""

    version: str
    api_version: str
    time: float
    swarm: bool = False
    root: str = ""


class Engine(Protocol):
    """One method per operation on a Docker Engine. Repeating any of them is safe."""

    def info(self) -> EngineInfo: ...

    def list_containers(self) -> tuple[ObservedContainer, ...]:
        """All containers of this host name, running or not, by one list call and nothing else."""

    def inspect(self, container: str) -> ContainerDetail: ...

    def address(self, container: str) -> str:
        """An IPv4 address at which a running container is reached now; of the joined container where it has none."""

    def exists(self, container: str) -> ObservedContainer | None:
        """The container of that id or name as it is now, None when there is none."""

    def pull(self, image: str, platform: str | None, always: bool, credentials: Credentials | None) -> str | None:
        """Make the image present; return its repository digest (`sha256:…`) where it has one."""

    def create_network(self, name: str) -> None: ...

    def create_volume(self, name: str, labels: Mapping[str, str]) -> None: ...

    def create(self, action: CreateContainer, env: Mapping[str, str]) -> str:
        """Create a container, environment already resolved; return its id. An equal one that exists is returned."""

    def start(self, container: str) -> None: ...

    def unpause(self, container: str) -> None: ...

    def stop(self, container: str, timeout: float) -> None: ...

    def rename(self, container: str, new_name: str) -> None: ...

    def update(self, action: UpdateContainer) -> None: ...

    def connect(self, container: str, network: str, aliases: tuple[str, ...]) -> None: ...

    def remove(self, container: str) -> None: ...

    def logs(self, container: str, tail: int) -> tuple[str, ...]:
        """The last lines of standard output and error, oldest first, control characters replaced."""

    def follow_logs(self, container: str, tail: int) -> Iterator[str]: ...

    def events(self, stop: Callable[[], bool]) -> Iterator[EngineEvent]:
        """Events as they happen until `stop()`; reconnects by itself and marks each gap by `lost`."""

    def close(self) -> None: ...


# Repository -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """Result of one fetch. `revision` is None while the branch does not exist; `notes` are reasons worth an event.

    `messages` are those of all commits since the last one known, newest first; a new process knows the last one too.
    """

    revision: str | None
    changed: bool
    notes: tuple[tuple[str, str], ...] = ()
    messages: tuple[str, ...] = ()


class Repository(Protocol):
    """The config repository as the agent sees it: a mirror, or a working tree."""

    def fetch(self) -> Fetched:
        """Bring the mirror up to date, within the time limit; raises Transient or Stalled."""

    def tree(self, revision: str | None = None) -> Tree:
        """The files at a revision (any ref or commit id), by default at the followed branch."""

    def read_blob(self, blob_id: str) -> bytes: ...

    def read_path(self, revision: str, path: str) -> bytes | None:
        """One file of the repository that a document names, below the configured path; None when it is not there."""

    def commit_trailers(self, revision: str) -> Mapping[str, tuple[str, ...]]:
        """The trailers of a commit's message, keys in lower case; none where the commit is not known here.

        A commit with `pierhead-host` was made by an agent.
        """

    def watch(self, stop: Callable[[], bool]) -> Iterator[None]:
        """Yield whenever a local repository or working tree moved; returns at once for a remote one."""

    def close(self) -> None: ...


class Publisher(Protocol):
    """Writes the agent's own commits to the config branch."""

    def publish(self, base: str, files: Mapping[str, bytes], message: str) -> str:
        """Give files that are in `base` new whole contents, as one commit on top of it that becomes the branch's tip;
        return the commit's id, or `base` where the contents are what it has already. Paths are below `repo.path`.

        Raises Moved when the branch is no longer at `base`: fetch, plan again, try again. Transient when the remote is
        away (nothing happened, or it cannot be known: publishing the same again is safe). Stalled when it is refused
        for good: protected branch, missing right, hook.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class GitLogin:
    """How to log in to a watched git repository. Secrets are names; the password is also the passphrase of the key."""

    username: str | None = None
    password_secret: str | None = None
    ssh_key_secret: str | None = None
    known_hosts: str | None = None


class Heads(Protocol):
    """Any git repository as far as triggers watch it. Without a login the host's own is used for the config repository.

    Raises Transient or Stalled.
    """

    def heads(self, repo_url: str, login: GitLogin | None) -> Mapping[str, str]:
        """Commit ids by the full names of branches and tags (`refs/heads/…`, `refs/tags/…`)."""

    def changed_paths(self, repo_url: str, login: GitLogin | None, old: str, new: str) -> tuple[str, ...] | None:
        """The paths in which two commits differ, sorted; None when that cannot be told."""


class Recorder(Protocol):
    """Writes status, event log and deliveries back to git."""

    def flush(self, status: HostStatus, events: Iterable[Event], deliveries: Iterable[DeliveryRecord] = ()) -> None:
        """One note, one commit, one push; raises Transient when the remote is away, after which nothing is lost."""


# Journal and secrets --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantineEntry:
    """One version of one workload that failed. `since` is RFC 3339; `revision` is the commit at which it failed."""

    workload_id: str
    fingerprint: str
    reason: str
    message: str
    since: str
    revision: str


class Journal(Protocol):
    """What must survive a crash, in SQLite below `data_dir`; every method is atomic and safe from any thread."""

    def append_event(self, event: Event) -> None: ...

    def unflushed_events(self, limit: int) -> tuple[tuple[int, Event], ...]:
        """Spooled events with their sequence numbers, oldest first."""

    def mark_flushed(self, sequence: int) -> None:
        """Everything up to and including `sequence` is in git."""

    def recent_events(self, limit: int, workload: str | None = None, before: str | None = None) -> tuple[Event, ...]:
        """The newest events, newest first, flushed or not, as far as they are retained here."""

    def quarantine(self, entry: QuarantineEntry) -> None: ...

    def quarantined(self) -> tuple[QuarantineEntry, ...]: ...

    def lift_quarantine(self, workload_id: str, keep: str | None = None) -> None:
        """Forget the entries of a workload, except the one of fingerprint `keep`."""

    def remember(self, key: str, value: str) -> None: ...

    def recall(self, key: str) -> str | None: ...

    def cached_documents(self, blob_ids: Iterable[str]) -> Mapping[str, bytes]:
        """Parsed documents by blob id, as the caller serialised them; missing ones are left out."""

    def cache_documents(self, parsed: Mapping[str, bytes]) -> None: ...

    def close(self) -> None: ...


class Secrets(Protocol):
    """Looks secrets up by name in the providers, in order."""

    def value(self, name: str) -> str:
        """The value; raises Stalled(SecretMissing) naming the providers asked, never the value of another one."""

    def digest(self, name: str) -> str | None:
        """A keyed hash of the value (hex), for fingerprints; None when there is no such secret."""

    def redact(self, text: str) -> str:
        """The text with every value looked up so far replaced by `***`."""


class Clock(Protocol):
    """The only clock. `now` is epoch seconds, `monotonic` never goes back."""

    def now(self) -> float: ...

    def monotonic(self) -> float: ...

    def wait(self, seconds: float) -> None: ...
