"""The one way into the inbox: whoever noticed something stores it here, and the dispatcher is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future

from agent.chronicle import timestamp
from agent.core.inbound import InboundEvent
from agent.core.inbox import Received
from agent.ports import Clock
from agent.ports_journal import Inbox, Post


class Intake:
    """Safe from any thread."""

    def __init__(self, inbox: Inbox, clock: Clock, next_id: Callable[[], str]) -> None:
        self._inbox = inbox
        self._clock = clock
        self._next_id = next_id
        self.on_stored: Callable[[], object] = lambda: None

    def store(
        self,
        trigger: str,
        events: Sequence[InboundEvent],
        keys: Mapping[str, float],
        *,
        workload: str | None = None,
    ) -> tuple[str, ...] | None:
        """The ids of the events, once they are on disk; None where one of the keys is known.

        `keys` says for each how many seconds it is remembered. Raises Transient while the journal cannot be written.
        """
        received, until = self._received(trigger, events, keys, workload)
        if not self._inbox.receive(received, list(keys), until=until):
            return None
        self.on_stored()
        return tuple(one.id for one in received)

    def submit(
        self, trigger: str, events: Sequence[InboundEvent], keys: Mapping[str, float], post: Post
    ) -> Future[tuple[str, ...] | None]:
        """The same for an event loop: returns at once, and the result is set by a call of `post`."""
        received, until = self._received(trigger, events, keys, None)
        ids: Future[tuple[str, ...] | None] = Future()
        ids.set_running_or_notify_cancel()

        def stored(done: Future[bool]) -> None:
            error = done.exception()
            if error is not None:
                ids.set_exception(error)
                return
            new = done.result()
            if new:
                self.on_stored()
            ids.set_result(tuple(one.id for one in received) if new else None)

        self._inbox.submit(received, list(keys), until=until, post=post).add_done_callback(stored)
        return ids

    def _received(
        self, trigger: str, events: Sequence[InboundEvent], keys: Mapping[str, float], workload: str | None
    ) -> tuple[list[Received], float]:
        """The events as they are stored, and until when their keys are remembered."""
        now = self._clock.now()
        received = [
            Received(id=self._next_id(), trigger=trigger, time=timestamp(now), event=one, workload=workload)
            for one in events
        ]
        return received, now + max(keys.values(), default=0.0)
