"""Pierhead as a process of its own; the agent is ended as by a service manager: SIGTERM, then fifteen seconds."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from agent.core.reasons import Reason
from agent.demo.place import Place
from agent.errors import Stalled

STOP_LIMIT = 15.0
TAIL = 15


class AgentProcess:
    """`pierhead run` with the host settings of a demo; its output goes to a file."""

    def __init__(self, place: Place) -> None:
        self._place = place
        command = [sys.executable, "-m", "agent", "run", "--config", str(place.config)]
        with place.log.open("ab") as log:
            # Its own session: Ctrl-C reaches the demo alone, which then ends the agent in order.
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)  # noqa: S603 - our own program
        place.process_id.write_text(f"{self._process.pid}\n", encoding="ascii")

    def check(self) -> None:
        """Raise Stalled with the last lines of its output when it has ended by itself."""
        code = self._process.poll()
        if code is not None:
            raise Stalled(Reason.STEP_FAILED, f"the agent ended with code {code}:\n{self.tail()}")

    def tail(self) -> str:
        """The last lines that it wrote."""
        lines = self._place.log.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL:]
        return "\n".join(f"  {line}" for line in lines) or f"  (nothing in {self._place.log})"

    def stop(self) -> int:
        """Ask it to end, wait, and return its exit code; killed when it does not end in time."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(STOP_LIMIT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self._place.process_id.unlink(missing_ok=True)
        return code


def pierhead(*words: str) -> str:
    """What a command of Pierhead prints."""
    command = [sys.executable, "-m", "agent", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=STOP_LIMIT, check=True).stdout  # noqa: S603 - our own program


def stop_left_over(place: Place) -> bool:
    """End the agent of an earlier demo in this place, if one still runs; whether there was one."""
    if not place.process_id.is_file():
        return False
    number = int(place.process_id.read_text(encoding="ascii"))
    command = Path(f"/proc/{number}/cmdline")
    # The number may belong to somebody else by now; the settings file in its command line says whether it does.
    if not command.is_file() or str(place.config).encode() not in command.read_bytes().split(b"\0"):
        return False
    os.kill(number, signal.SIGTERM)
    deadline = time.monotonic() + STOP_LIMIT
    while command.is_file() and command.read_bytes() and time.monotonic() < deadline:
        time.sleep(0.1)
    return True
