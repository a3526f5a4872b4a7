"""The one way into the inbox: whoever noticed something stores it here, and the dispatcher is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from agent.chronicle import timestamp
from agent.core.inbound import InboundEvent
from agent.core.inbox import Received
from agent.ports import Clock
from agent.ports_journal import Inbox


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
        now = self._clock.now()
        received = [
            Received(id=self._next_id(), trigger=trigger, time=timestamp(now), event=one, workload=workload)
            for one in events
        ]
        until = now + max(keys.values(), default=0.0)
        if not self._inbox.receive(received, list(keys), until=until):
            return None
        self.on_stored()
        return tuple(one.id for one in received)
