"""A redelivery is a duplicate while the first is pending or done and remembered, and is taken again after a failure."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from support.journal_parts import EventMaker, MovedClock

from agent.journal import inbox
from agent.journal.journal import SqliteJournal

KEYS = st.lists(st.sampled_from("abcdef"), max_size=3, unique=True)
LONG = 1_000.0


class Model(RuleBasedStateMachine):
    """What the inbox has to do, told with dictionaries."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.clock = MovedClock()
        self.makes = EventMaker(self.clock)
        self.journal = SqliteJournal(Path(self.folder.name), self.clock)
        self.states: dict[str, str] = {}
        self.due: dict[str, float] = {}
        self.parts: dict[str, list[str]] = {}
        self.known: dict[str, tuple[str, float]] = {}

    def is_known(self, key: str) -> bool:
        if key not in self.known:
            return False
        receipt, until = self.known[key]
        states = {self.states[one] for one in self.parts[receipt]}
        return "pending" in states or ("failed" not in states and until > self.clock.time)

    @rule(keys=KEYS, size=st.integers(min_value=1, max_value=3), lasts=st.sampled_from([5.0, LONG]))
    def receive(self, keys: list[str], size: int, lasts: float) -> None:
        received = [self.makes.received() for _ in range(size)]
        until = self.clock.time + lasts
        new = not any(map(self.is_known, keys))
        assert self.journal.receive(received, keys, until=until) == new
        if new:
            self.parts[received[0].id] = [one.id for one in received]
            self.states.update({one.id: "pending" for one in received})
            self.known.update(dict.fromkeys(keys, (received[0].id, until)))

    @rule(data=st.data(), failed=st.booleans())
    def settle(self, data: st.DataObject, failed: bool) -> None:
        ids = self.some(data)
        self.journal.settle(ids, "settled", failed=failed)
        for one in ids:
            if self.states[one] == "pending":
                self.states[one] = "failed" if failed else "done"

    @rule(data=st.data(), seconds=st.sampled_from([0.0, 3.0, 30.0]))
    def postpone(self, data: st.DataObject, seconds: float) -> None:
        ids = self.some(data)
        self.journal.postpone(ids, self.clock.time + seconds, "later")
        self.due.update(dict.fromkeys(ids, self.clock.time + seconds))

    @rule(seconds=st.sampled_from([1.0, 10.0]))
    def wait(self, seconds: float) -> None:
        self.clock.time += seconds

    @rule()
    def restart(self) -> None:
        self.journal.close()
        self.journal = SqliteJournal(Path(self.folder.name), self.clock)

    @invariant()
    def what_is_due_is_what_is_pending(self) -> None:
        pending = [one for one, state in self.states.items() if state == "pending"]
        due = [one for one in pending if self.due.get(one, 0.0) <= self.clock.time]
        assert [one.id for one in self.journal.pending_events(1_000)] == due
        assert self.journal.inbox_depth() == len(pending)

    def some(self, data: st.DataObject) -> list[str]:
        return data.draw(st.lists(st.sampled_from(list(self.states)), unique=True)) if self.states else []

    def teardown(self) -> None:
        self.journal.close()
        self.folder.cleanup()


class PruningModel(Model):
    """The same while history and keys are pruned all the time."""

    @initialize()
    def begin(self) -> None:
        super().begin()
        self.before = inbox.PRUNE_EVERY, inbox.KEEP_SETTLED
        inbox.PRUNE_EVERY, inbox.KEEP_SETTLED = 1, 2

    def teardown(self) -> None:
        inbox.PRUNE_EVERY, inbox.KEEP_SETTLED = self.before
        super().teardown()


TestDedupe = Model.TestCase
TestDedupe.settings = settings(max_examples=30, stateful_step_count=25, deadline=None)
TestDedupeWhilePruning = PruningModel.TestCase
TestDedupeWhilePruning.settings = settings(max_examples=20, stateful_step_count=25, deadline=None)
