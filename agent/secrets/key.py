"""The host's fingerprint key: 32 random bytes in `data_dir/fingerprint.key`, made once, readable by the agent only.

It keys the digests of secrets. Losing it is harmless but not free: all workloads that use secrets are redeployed once.
"""

from __future__ import annotations

import errno
import os
import secrets
from contextlib import suppress
from pathlib import Path

from agent.core.reasons import Reason
from agent.errors import PierheadError, Stalled, Transient

FILE_NAME = "fingerprint.key"
_LENGTH = 32


def load_key(data_dir: Path) -> bytes:
    """The key, made when there is none; raises Stalled or Transient when it can be neither read nor made."""
    path = data_dir / FILE_NAME
    try:
        if not path.exists():
            _create(path)
        key = path.read_bytes()
    except OSError as error:
        raise _explain(error, path) from error
    if len(key) != _LENGTH:
        raise Stalled(
            Reason.INVALID_SETTINGS,
            f"{path}: expected {_LENGTH} bytes, found {len(key)}",
            advice="restore it from a backup, or remove it: workloads that use secrets are then redeployed once",
        )
    return key


def _create(path: Path) -> None:
    """Write beside it and link into place, so that no reader ever sees half a key and the first writer wins."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{FILE_NAME}.{os.getpid()}-{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(_LENGTH))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def _explain(error: OSError, path: Path) -> PierheadError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        advice = f"free some space on the file system of {path.parent}"
        return Transient(Reason.DISK_FULL, f"{path}: the disk is full", advice=advice)
    advice = f"make {path.parent} a folder that the agent's user owns"
    return Stalled(Reason.INVALID_SETTINGS, f"{path}: {error.strerror or error}", advice=advice)
