"""Publishes the agent's own commits on the config branch of a repository on this machine, bare or not.

The branch moves by compare-and-swap, and no hook is run. Where the branch is checked out, the files and the index are
written first and the branch moves last. Killed in between, a user sees the update as edited or staged and not yet
committed (`git status`), and an `index.lock` that holds the word pierhead: publishing the update again completes it,
after a minute at most; committing it by hand has the same effect. A working tree in the middle of a rebase has no
branch checked out: the branch moves, and git tells so when the rebase ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import pygit2

from agent.core.reasons import Reason
from agent.errors import Moved, Transient
from agent.repository.checkout import Checkout, checkouts_of
from agent.repository.commits import Author, Draft, Made
from agent.repository.library import BROKEN, Bounded, prepare
from agent.repository.urls import local_path
from agent.repository.watching import common_folder
from agent.settings import RepositorySettings


class LocalPublisher:
    """Implements `ports.Publisher` for `repo.url` on this machine."""

    def __init__(self, settings: RepositorySettings, author: Author) -> None:
        prepare(settings.timeout)
        self._folder = local_path(settings.url) or Path(settings.url)
        self._branch = f"refs/heads/{settings.branch}"
        self._root = settings.path
        self._timeout = settings.timeout
        self._author = author
        self._bounded = Bounded("update commit")

    def publish(self, base: str, files: Mapping[str, bytes], message: str) -> str:
        """See `ports.Publisher`."""
        draft = Draft(base, files, message, self._root)
        try:
            return self._bounded.run(lambda: self._publish(draft), self._timeout)
        except BROKEN as error:
            if "reference value does not match" in str(error):
                raise Moved(f"{self._branch} of {self._folder} moved: {error}") from error
            raise Transient(
                Reason.WRITE_BACK_FAILED,
                f"an update commit cannot be made in {self._folder}: {error}",
                advice="let the user that Pierhead runs as write there, and check free space",
            ) from error

    def _publish(self, draft: Draft) -> str:
        # Objects and refs are those of the main repository, also where the folder is a linked working tree.
        repository = pygit2.Repository(str(common_folder(self._folder)))
        repository.set_ident("Pierhead", self._author.signature().email)
        self._expect(repository, draft.base)
        made = draft.make(repository, self._author)
        if made.edits:
            with ExitStack() as stack:
                checkouts = checkouts_of(repository, self._branch)
                for checkout in checkouts:
                    stack.enter_context(checkout.locked())
                branch = self._expect(repository, draft.base)
                for checkout in checkouts:
                    checkout.refuse_edited(made.edits)
                self._move(branch, checkouts, made)
        return str(made.commit)

    def _expect(self, repository: pygit2.Repository, base: str) -> pygit2.Reference:
        """The branch, which must be at `base`."""
        if self._branch not in repository.references:
            raise Moved(f"{self._branch} does not exist in {self._folder}")
        reference = repository.references[self._branch].resolve()
        if str(reference.target) != base:
            raise Moved(f"{self._branch} of {self._folder} is at {reference.target}, expected {base}")
        return reference

    def _move(self, branch: pygit2.Reference, checkouts: list[Checkout], made: Made) -> None:
        """Write the files, then point the branch to the commit; where that fails, take the files back."""
        written: list[Checkout] = []
        try:
            for checkout in checkouts:
                written.append(checkout)
                checkout.write(made.edits)
            # libgit2 compares once more, under its lock, with what was read.
            branch.set_target(made.commit, "pierhead: update")
        except BaseException:
            for checkout in written:
                checkout.take_back(made.edits)
            raise
