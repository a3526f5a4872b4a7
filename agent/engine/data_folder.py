"""One process per data folder, and one identity that stays with the folder: an agent that was killed and started again
is known as the same one.
"""

from __future__ import annotations

import fcntl
import os
import uuid
from pathlib import Path

from agent.core.reasons import Reason
from agent.errors import Stalled, Transient


class DataFolder:
    """`data_dir`, locked while the process lives: the kernel takes the lock back however it ends."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._descriptor: int | None = None

    def lock(self) -> None:
        """Take the lock; raises Stalled when another process has it, naming that process."""
        if self._descriptor is not None:
            return
        path = self._folder / "agent.lock"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise self._unwritable(error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(descriptor, 20).decode("ascii", "replace").strip()
            os.close(descriptor)
            raise Stalled(
                Reason.ENGINE_LOCKED,
                f"another agent (process {holder or 'unknown'}) uses {self._folder}",
                advice="stop it first, or give this one a data_dir and a host name of its own",
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor

    def owner(self) -> str:
        """The identity of the folder, made once; call it under the lock."""
        path = self._folder / "owner"
        try:
            if path.exists() and (known := path.read_text().strip()):
                return known
            owner = uuid.uuid4().hex
            temporary = path.with_suffix(".new")
            temporary.write_text(owner + "\n")
            temporary.replace(path)
        except OSError as error:
            raise self._unwritable(error) from error
        return owner

    def release(self) -> None:
        """Let another process have it; harmless when it is not locked."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def _unwritable(self, error: OSError) -> Transient:
        reason = Reason.DISK_FULL if error.errno == 28 else Reason.INVALID_SETTINGS
        advice = "make data_dir writable for the agent's user and see that its disk has room"
        return Transient(reason, f"data folder {self._folder}: {error.strerror}", advice=advice)
