"""Publishes updates into a followed working tree: files are replaced where they lie, and nothing is committed.

Each file is replaced at once, and only while it still is what was planned on; between two files of one update the
agent may be killed, and what remains is planned again.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path

import pygit2

from agent.core.reasons import Reason
from agent.core.tree import Tree
from agent.errors import Moved, Stalled, Transient
from agent.repository.objects import normal_parts
from agent.repository.replace import replace_file
from agent.repository.worktree import WorkTree


class WorkTreePublisher:
    """Implements `ports.Publisher` for `repo.worktree: true`; the message is not kept anywhere."""

    def __init__(self, worktree: WorkTree) -> None:
        self._worktree = worktree
        self._lock = threading.Lock()

    def publish(self, base: str, files: Mapping[str, bytes], message: str) -> str:  # noqa: ARG002 - no commit is made
        """See `ports.Publisher`; returns the working tree's new revision."""
        with self._lock:
            tree = self._worktree.look()
            if tree.revision != base:
                raise Moved(f"the working tree is at {tree.revision}, expected {base}")
            places = {path: self._place(tree, path) for path in files}
            for path, (place, blob_id) in places.items():
                self._replace(place, blob_id, files[path])
            return self._worktree.look().revision

    def _place(self, tree: Tree, path: str) -> tuple[Path, str]:
        """Where a file lies and what it was read as."""
        wanted = "/".join(normal_parts(path))
        found = next((file for file in tree.files if file.path == wanted), None)
        if found is None or found.kind != "file":
            raise Stalled(
                Reason.UPDATE_REJECTED,
                f"{path}: expected a file of the working tree, found {found.kind if found else 'none'}",
                advice="put the document itself there, or set update: {via: none} in the workload",
            )
        return self._worktree.place(wanted), found.blob_id

    @staticmethod
    def _replace(place: Path, blob_id: str, content: bytes) -> None:
        try:
            if str(pygit2.hash(place.read_bytes())) != blob_id:
                raise Moved(f"{place} was edited meanwhile")
            replace_file(place, content)
        except FileNotFoundError as error:
            raise Moved(f"{place} was deleted meanwhile") from error
        except OSError as error:
            raise Transient(
                Reason.WRITE_BACK_FAILED,
                f"{place} cannot be replaced: {error}",
                advice="let the user that Pierhead runs as write there, and check free space",
            ) from error
