"""Prints the demo: numbered steps with the seconds that each took, so that a reader sees what happens and how fast."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class Narrator:
    """Writes to standard output, line by line, at once."""

    def __init__(self) -> None:
        self._number = 0

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """One step: its title when it begins, its duration when it is done."""
        self._number += 1
        started = time.monotonic()
        self._write(f"\n{self._number}. {title}")
        yield
        self._write(f"   done in {time.monotonic() - started:.1f} s")

    def say(self, text: str) -> None:
        """One line below the step's title."""
        self._write(f"   {text}")

    def quote(self, lines: Iterable[str], most: int = 12) -> None:
        """Lines that somebody else wrote, set off; what is more than `most` is only counted."""
        every = list(lines)
        for line in every[:most]:
            self._write(f"   | {line}")
        if len(every) > most:
            self._write(f"   | … {len(every) - most} lines more")

    @staticmethod
    def _write(text: str) -> None:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
