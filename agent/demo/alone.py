"""One demo at a time on a machine: all demos share a host name and ports, and each begins by removing what is left.

The lock belongs to the process, so one that was killed does not keep the next from starting.
"""

from __future__ import annotations

import fcntl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.core.reasons import Reason
from agent.errors import Stalled

LOCK = "pierhead-demo.lock"


@contextmanager
def alone() -> Iterator[None]:
    """Hold the machine's only place for a demo; raises Stalled when another one runs."""
    path = Path(tempfile.gettempdir()) / LOCK
    try:
        if not path.exists():
            path.touch(mode=0o644)
        file = path.open("rb")
    except OSError as error:
        raise Stalled(Reason.STEP_FAILED, f"demo: cannot open {path}: {error.strerror}", advice=f"rm {path}") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            advice = "end it with Ctrl-C in its terminal"
            raise Stalled(Reason.STEP_FAILED, "demo: another one runs on this machine", advice=advice) from None
        yield
