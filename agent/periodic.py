"""Named threads: one that calls a function at an interval, or sooner when woken, until stopped; one for a last call."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Periodic:
    """`interval` gives the seconds until the next call, asked anew each time; `failed` gets whatever was raised."""

    def __init__(
        self,
        name: str,
        function: Callable[[], object],
        interval: Callable[[], float],
        failed: Callable[[str, Exception], None],
    ) -> None:
        self._name = name
        self._function = function
        self._interval = interval
        self._failed = failed
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin; the first call comes after the first interval."""
        self._thread.start()

    def wake(self) -> None:
        """Call the function now; wakes while it runs cause one more call."""
        self._wake.set()

    def stop(self, timeout: float) -> bool:
        """Ask for the end and wait for it; True when the thread is over."""
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            self._wake.wait(self._interval())
            self._wake.clear()
            if self._stopping:
                return
            try:
                self._function()
            except Exception as error:  # noqa: BLE001 - the thread must outlive a bug, which `failed` reports
                self._failed(self._name, error)


def briefly(name: str, function: Callable[[], object], seconds: float) -> bool:
    """Call it in a thread and wait at most `seconds`; False when it was not over then and is left to itself."""
    thread = threading.Thread(target=function, name=name, daemon=True)
    thread.start()
    thread.join(max(0.0, seconds))
    return not thread.is_alive()
