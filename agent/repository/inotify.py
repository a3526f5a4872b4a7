"""Waits until something in a few folders changes, asleep meanwhile: Linux's inotify, called directly.

watchfiles looks for changes every few milliseconds, which is right for a burst of edits and would cost an idle agent
more than everything else it does.
"""

from __future__ import annotations

import ctypes
import os
import select
from pathlib import Path
from typing import Self

CHANGES = 0x008 | 0x040 | 0x080 | 0x100 | 0x200  # closed after writing, moved away and here, created, deleted
ONLY_FOLDERS = 0x0100_0000
BUFFER = 65536


class FolderChanges:
    """One inotify instance; raises OSError where the system has none left. Used by one thread at a time."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(None, use_errno=True)
        self._descriptor = self._checked(self._library.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
        self._poll = select.poll()
        self._poll.register(self._descriptor, select.POLLIN)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    def add(self, folder: Path) -> None:
        """Watch what lies directly in a folder; a folder that is watched already stays so, one that is away is left."""
        try:
            self._checked(
                self._library.inotify_add_watch(self._descriptor, os.fsencode(folder), CHANGES | ONLY_FOLDERS)
            )
        except (FileNotFoundError, NotADirectoryError):
            return

    def wait(self, seconds: float) -> bool:
        """Whether something changed, as soon as it does; False after so many seconds."""
        if not self._poll.poll(seconds * 1000):
            return False
        os.read(self._descriptor, BUFFER)
        return True

    @staticmethod
    def _checked(result: int) -> int:
        if result < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return result
