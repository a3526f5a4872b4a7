"""Replaces the content of one file at once: whoever reads it sees the old content or the new one, never a part."""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

LEFTOVER = ".pierhead-new"
"""How a scratch file ends that a killed process left; it is no document and may be deleted."""


def replace_file(place: Path, content: bytes) -> None:
    """Mode and, where this user may, owner stay. The new content is on the disk before it gets the name."""
    status = place.stat()
    descriptor, name = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}.", suffix=LEFTOVER)
    scratch = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            with suppress(PermissionError):
                os.fchown(file.fileno(), status.st_uid, status.st_gid)
            os.fchmod(file.fileno(), stat.S_IMODE(status.st_mode))
            os.fsync(file.fileno())
        scratch.replace(place)
    except BaseException:
        scratch.unlink(missing_ok=True)
        raise
