"""Follows the config repository: fetch, load, and hand the newest usable desired state to the loop.

A fetch that fails, a branch that is gone and a commit in which nothing can be read leave the last usable state in
force.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

from agent.board import Board
from agent.chronicle import Chronicle, Note
from agent.core.model import DesiredState, Workload
from agent.core.problems import Position, Problem, Severity
from agent.core.reasons import Reason
from agent.core.tree import Tree
from agent.errors import PierheadError
from agent.ports import Fetched, Repository

Build = Callable[[Tree], DesiredState]
CONDITION = "repository"


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """What is in force now, None before the first commit was read. `generation` grows whenever it changes.

    `messages` are those of all commits that came with it, newest first.
    """

    desired: DesiredState | None = None
    by_id: Mapping[str, Workload] = field(default_factory=dict)
    messages: tuple[str, ...] = ()
    generation: int = 0


def same(before: Workload | None, after: Workload | None) -> bool:
    """Equal but for where in the file they stand."""
    if before is None or after is None:
        return before is after
    return before._replace(position=after.position) == after


def changed_between(before: Followed, after: Followed) -> frozenset[str]:
    """Ids of the workloads that a new state changes, adds or takes away; all where settings or registries differ."""
    ids = frozenset({*before.by_id, *after.by_id})
    if before.desired is None or after.desired is None:
        return ids
    shared = [(one.desired.settings, one.desired.registries) for one in (before, after) if one.desired]
    if shared[0] != shared[1]:
        return ids
    return frozenset(one for one in ids if not same(before.by_id.get(one), after.by_id.get(one)))


class Follower:
    """Used by one thread at a time; `state` may be read from any."""

    def __init__(self, repository: Repository, build: Build, board: Board, chronicle: Chronicle) -> None:
        self._repository = repository
        self._build = build
        self._board = board
        self._chronicle = chronicle
        self._once = threading.Lock()
        self._seen: str | None = None
        self._missing = "the branch has no commit at the remote"
        self._messages: tuple[str, ...] = ()
        self._reported: frozenset[Problem] = frozenset()
        self.state = Followed()
        self.fetches = {"ok": 0, "failed": 0}

    def follow(self) -> bool:
        """Fetch and load once. True when a new desired state is in force; failures become a condition and an event."""
        with self._once:
            try:
                fetched = self._repository.fetch()
                self._tell_notes(fetched)
                self._messages = (*fetched.messages, *self._messages)
                changed = self._load(fetched.revision)
            except PierheadError as error:
                self.fetches["failed"] += 1
                self._failed(error)
                return self.state.desired is None and self._load_last_known()
            self.fetches["ok"] += 1
            self._recovered()
            return changed

    def _tell_notes(self, fetched: Fetched) -> None:
        """Tell what is worth it; why there is no branch is kept, and told as what cannot be used."""
        for reason, message in fetched.notes:
            if fetched.revision is None and reason == Reason.BRANCH_MISSING:
                self._missing = message
                continue
            self._chronicle.write(Note(reason=Reason(reason), message=message, severity="warning", source="repository"))

    def _load_last_known(self) -> bool:
        """An agent that starts while the remote is away goes on with what the mirror had last."""
        with suppress(PierheadError):
            return self._load(self._repository.tree().revision)
        return False

    def _load(self, revision: str | None) -> bool:
        if revision is None:
            self._seen = None  # the same commit is news again once the branch is back
            self._unusable(Reason.BRANCH_MISSING, self._missing)
            return False
        if revision == self._seen:
            return False
        tree = self._repository.tree(revision)
        desired = self._build(tree)
        self._seen = revision
        if not desired.readable:
            self._board.follow(self._revision(), desired.problems)
            self._unusable(Reason.NOTHING_READABLE, self._why_unreadable(tree, desired))
            return False
        self._board.condition("documents", None)
        self._take(tree, desired)
        return True

    def _revision(self) -> str | None:
        return self.state.desired.revision if self.state.desired else None

    @staticmethod
    def _why_unreadable(tree: Tree, desired: DesiredState) -> str:
        why = tree.missing or f"{len(desired.problems)} problems, no document can be used"
        return f"commit {tree.revision[:7]} changes nothing: {why}"

    def _unusable(self, reason: Reason, message: str) -> None:
        if self._board.condition("documents", f"{reason}: {message}"):
            self._chronicle.write(Note(reason=reason, message=message, severity="error", source="repository"))

    def _take(self, tree: Tree, desired: DesiredState) -> None:
        state = self.state
        self.state = Followed(
            desired=desired, by_id=desired.by_id(), messages=self._messages, generation=state.generation + 1
        )
        self._messages = ()
        self._board.follow(desired.revision, desired.problems, changed_between(state, self.state))
        subject = tree.message.partition("\n")[0]
        counts = f"{len(desired.workloads)} workloads, {len(desired.problems)} problems"
        self._chronicle.write(
            Note(
                reason=Reason.REVISION_SEEN,
                message=f"following {desired.revision[:12]} ({subject}): {counts}",
                source="repository",
                revision=desired.revision,
            )
        )
        self._report(desired)

    def _report(self, desired: DesiredState) -> None:
        """One event per problem that the commit before did not have."""
        fresh: set[Problem] = set()
        for problem in desired.problems:
            text = self._text(problem)
            key = replace(problem, position=Position(problem.position.path))  # a line further down is no news
            fresh.add(key)
            if key not in self._reported:
                severity = "error" if problem.severity is Severity.ERROR else "warning"
                note = Note(
                    reason=Reason.DOCUMENT_PROBLEM,
                    message=text,
                    severity=severity,
                    source="repository",
                    workload=problem.name if problem.kind == "Workload" else None,
                    revision=desired.revision,
                )
                self._chronicle.write(note)
        self._reported = frozenset(fresh)

    @staticmethod
    def _text(problem: Problem) -> str:
        place = problem.position
        return (
            f"{place.path}:{place.line}:{place.column}: {problem.pointer or '/'}: expected {problem.expected}, "
            f"found {problem.found}; {problem.fix}"
        )

    def _failed(self, error: PierheadError) -> None:
        if self._board.condition(CONDITION, f"{error.reason}: {error}"):
            note = Note(reason=error.reason, message=str(error), severity="error", source="repository")
            self._chronicle.write(note)

    def _recovered(self) -> None:
        if self._board.condition(CONDITION, None):
            note = Note(
                reason=Reason.REPOSITORY_RECOVERED, message="the config repository answers again", source="repository"
            )
            self._chronicle.write(note)
