"""Holds events whose decisions change pins until they are in git, and has them written in as few commits as possible.

Events come here unsettled: what was lost in a crash is found in the journal again. While nothing can be written all of
them stay together, so that the newest one wins in the end; what turns out to change nothing goes back to whoever gave
it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence

from agent.core.inbox import Received
from agent.core.reasons import Reason
from agent.dispatch.writing import Result, Writer
from agent.errors import PierheadError, Transient
from agent.ports import Clock

logger = logging.getLogger(__name__)

GATHER = 0.05
FIRST_DELAY = 5.0
LONGEST_DELAY = 300.0


class Updater:
    """`add`, `retry` and `held` from any thread; one thread writes.

    `on_released` is called when events went back, `on_defect` with each event on which the agent itself fails.
    """

    def __init__(self, writer: Writer, clock: Clock) -> None:
        self._writer = writer
        self._clock = clock
        self._changed = threading.Condition()
        self._held: dict[str, Received] = {}
        self._due = float("inf")
        self._tried = float("-inf")
        self._failures = 0
        self._working: int | None = None
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="updates", daemon=True)
        self.on_released: Callable[[], object] = lambda: None
        self.on_defect: Callable[[Received, Exception], object] = lambda _received, _error: None

    @property
    def outcomes(self) -> Mapping[str, int]:
        """Counts since the start."""
        return self._writer.outcomes

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Finish the commit that is being made; what waits is found again by the next start."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def add(self, received: Received) -> None:
        """Write what this event changes: at once, or a little later while it is known that nothing can be written."""
        with self._changed:
            self._held[received.id] = received
            now = self._clock.monotonic()
            self._due = min(self._due, max(now, self._tried + FIRST_DELAY) if self._failures else now)
            self._changed.notify_all()

    def retry(self) -> None:
        """Something has changed, so what waits may be written now; what writing itself has changed does not count."""
        if self._working == threading.get_ident():
            return
        with self._changed:
            self._due = self._clock.monotonic()
            self._changed.notify_all()

    def held(self) -> frozenset[str]:
        """The ids of the events that are here and not settled."""
        with self._changed:
            return frozenset(self._held)

    def _run(self) -> None:
        while self._wait():
            self._clock.wait(GATHER)  # a burst is seldom over at once
            try:
                self.work()
            except Exception:
                logger.exception("updates wait")
                self._conclude(Result(error=Transient(Reason.INTERNAL_ERROR, "a defect in the agent, see its log")))

    def _wait(self) -> bool:
        """Wait until there is something to try; False at the end."""
        with self._changed:
            while not self._ended and not self._is_due():
                self._changed.wait(max(0.0, self._due - self._clock.monotonic()) if self._waits() else None)
            return not self._ended

    def _is_due(self) -> bool:
        return bool(self._held) and self._due <= self._clock.monotonic()

    def _waits(self) -> bool:
        return bool(self._held) and self._due != float("inf")

    def work(self) -> None:
        """Try to write all that is here, if it is time."""
        with self._changed:
            if not self._is_due():
                return
            self._due, self._tried = float("inf"), self._clock.monotonic()
            batch = [self._held[key] for key in sorted(self._held)]
        self._working = threading.get_ident()
        try:
            self._write(batch)
        finally:
            self._working = None

    def _write(self, batch: Sequence[Received]) -> None:
        try:
            result = self._writer.write(batch, lambda: self._ended)
        except PierheadError as error:
            result = Result(error=error)
        except Exception as error:
            logger.exception("writing an update failed")
            self._singly(batch, error)
            return
        self._conclude(result)

    def _singly(self, batch: Sequence[Received], error: Exception) -> None:
        """One event on which the agent fails must not hold up the others."""
        if len(batch) > 1:
            for one in batch:
                if one.id in self.held():
                    self._write([one])
            return
        self._let_go({one.id for one in batch})
        self.on_defect(batch[0], error)

    def _conclude(self, result: Result) -> None:
        self._let_go(result.settled | result.released)
        with self._changed:
            self._failures = self._failures + 1 if result.error is not None else 0
            if result.error is not None:
                self._due = min(self._due, self._clock.monotonic() + self._delay(result.error))
        if result.released:
            self.on_released()

    def _let_go(self, ids: set[str]) -> None:
        with self._changed:
            for one in ids:
                self._held.pop(one, None)

    def _delay(self, error: PierheadError) -> float:
        delay = FIRST_DELAY * 2 ** min(self._failures - 1, 10)
        if isinstance(error, Transient) and error.retry_after is not None:
            delay = max(delay, error.retry_after)
        return float(min(delay, LONGEST_DELAY))
