"""libgit2 set up once for a process that runs for months, and a bound on every call that may hang.

Its own timeouts cover one read or connect; a name lookup or a server that trickles is not covered by them. So each
call to a remote runs in a thread of its own that is given up after the limit; it writes nothing that matters later.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

import pygit2

from agent.core.reasons import Reason
from agent.errors import Transient

Result = TypeVar("Result")

BROKEN = (pygit2.GitError, KeyError, ValueError, OSError)
"""What libgit2 raises where an object, a ref or a whole repository cannot be read."""

MEBIBYTE = 1024 * 1024


def prepare(timeout: float) -> None:
    """Set the limits that hold for the whole process; `timeout` is in seconds."""
    settings = pygit2.settings
    settings.server_connect_timeout = int(min(timeout, 10.0) * 1000)
    settings.server_timeout = int(timeout * 1000)
    settings.cache_max_size(4 * MEBIBYTE)
    settings.mwindow_mapped_limit = 64 * MEBIBYTE
    # The operator named the repository, and libgit2 runs no hook and no command from its configuration.
    settings.owner_validation = False


class Bounded:
    """Runs one call at a time and waits for it no longer than the limit."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def run(self, call: Callable[[], Result], limit: float) -> Result:
        """The result of the call; Transient when it takes longer, or when an earlier one still hangs."""
        with self._lock:
            if self._thread is not None and self._thread.is_alive():
                raise Transient(Reason.REPOSITORY_UNREACHABLE, f"an earlier {self._what} still hangs")
            job = _Job(call)
            self._thread = threading.Thread(target=job.run, name=f"pierhead-{self._what}", daemon=True)
            self._thread.start()
            self._thread.join(limit)
            if self._thread.is_alive():
                raise Transient(
                    Reason.REPOSITORY_UNREACHABLE,
                    f"the {self._what} did not finish within {limit:g} s",
                    advice="check the connection to the git server, or raise repo.timeout",
                )
            self._thread = None
            return job.result()


class _Job:
    """One call with its result or its exception."""

    def __init__(self, call: Callable[[], object]) -> None:
        self._call = call
        self._result: object = None
        self._error: BaseException | None = None

    def run(self) -> None:
        try:
            self._result = self._call()
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            self._error = error

    def result(self) -> Result:  # type: ignore[type-var] # the waiting side knows what it asked for
        if self._error is not None:
            raise self._error
        return self._result  # type: ignore[return-value]
