"""Whether the config repository can be read and written with the login of the host settings. Leaves no trace.

The right to push is asked for by beginning a push and sending nothing: servers check the login and its permissions when
a push is begun. What they check per branch shows only when something is pushed.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pygit2
from pygit2.ffi import C

from agent.core.reasons import Reason
from agent.errors import Stalled
from agent.ports import Secrets
from agent.repository.credentials import Callbacks
from agent.repository.library import BROKEN
from agent.repository.remote import Remote
from agent.repository.urls import for_libgit2, local_path
from agent.settings import RepositorySettings


class Access(Remote):
    """Asks the remote, or the local repository, what this login may do. Raises what a fetch or push would raise."""

    def __init__(self, settings: RepositorySettings, secrets: Secrets) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="pierhead-")
        super().__init__(settings, Path(self._folder.name) / "ssh", secrets)
        self._branch = f"refs/heads/{settings.branch}"
        self._scratch = Path(self._folder.name) / "empty.git"
        pygit2.init_repository(str(self._scratch), bare=True)

    def close(self) -> None:
        self._folder.cleanup()

    def read(self) -> str | None:
        """The commit of the followed branch; None when the remote has no such branch."""
        heads = self._run(self._fetching, lambda callbacks: self._connect(callbacks, C.GIT_DIRECTION_FETCH))
        return heads.get(self._branch)

    def write(self) -> None:
        """Return when the login may push; raise when it may not."""
        folder = local_path(self.url)
        if folder is None:
            self._run(self._pushing, lambda callbacks: self._connect(callbacks, C.GIT_DIRECTION_PUSH))
        else:
            _check_writable(folder)

    def _connect(self, callbacks: Callbacks, direction: int) -> dict[str, str]:
        remote = pygit2.Repository(str(self._scratch)).remotes.create_anonymous(for_libgit2(self.url))
        remote.connect(callbacks=callbacks, direction=direction)
        if direction == C.GIT_DIRECTION_PUSH:
            return {}
        return {str(head.name): str(head.oid) for head in remote.list_heads(callbacks=callbacks, connect=False)}


def _check_writable(folder: Path) -> None:
    """A local repository is written directly, so its folders must be writable."""
    try:
        git_folder = Path(pygit2.Repository(str(folder)).path)
    except BROKEN as error:
        problem = str(error)
        git_folder = None
    else:
        problem = "it is not writable"
    if git_folder is None or not all(os.access(git_folder / name, os.W_OK) for name in ("refs", "objects")):
        raise Stalled(
            Reason.REPOSITORY_UNAUTHORIZED,
            f"{folder}: {problem}",
            advice="let the user that Pierhead runs as write to the repository, or turn write_back off",
        )
