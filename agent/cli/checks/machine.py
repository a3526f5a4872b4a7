"""The machine: Python, folders, disk space, file watches, the status address, Compose."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from agent.cli.checks.result import Check, size
from agent.settings import AgentSettings

MINIMUM_PYTHON = (3, 11)
_MEBIBYTE = 1024 * 1024
_FAIL_FREE = 100 * _MEBIBYTE
_WARN_FREE = 1024 * _MEBIBYTE
_INOTIFY = Path("/proc/sys/fs/inotify")
_FEW_INSTANCES = 64


def check_python() -> Check:
    version = platform.python_version()
    if sys.version_info[:2] < MINIMUM_PYTHON:
        wanted = ".".join(map(str, MINIMUM_PYTHON))
        return Check("python", "fail", f"expected {wanted} or newer, found {version}", f"install Python {wanted}")
    return Check("python", "ok", version)


def check_data_dir(folder: Path) -> Check:
    """Whether the agent can keep its state; the folder is not made here."""
    existing = _existing(folder)
    user = f"uid {os.getuid()}"
    if not existing.is_dir():
        return Check("data_dir", "fail", f"{existing} is no folder", "set data_dir to a folder")
    if not os.access(existing, os.W_OK | os.X_OK):
        fix = f"sudo install -d -m 700 -o $(id -u) {folder}, or set data_dir to a folder of your own"
        return Check("data_dir", "fail", f"{existing} is not writable for {user}", fix)
    return Check("data_dir", "ok", str(folder) if existing == folder else f"{folder} will be made")


def check_space(name: str, folder: Path) -> Check:
    """How much room there is where the folder is or will be."""
    existing = _existing(folder)
    try:
        usage = shutil.disk_usage(existing)
    except OSError as error:
        return Check(name, "warn", f"{existing}: {error.strerror}", f"df -h {existing}, as a user who may look")
    found = f"{size(usage.free)} of {size(usage.total)} free at {existing}"
    if usage.free >= _WARN_FREE:
        return Check(name, "ok", found)
    fix = f"free some space (docker image prune, journalctl --vacuum-size=200M); see du -xh {existing} | sort -h"
    return Check(name, "fail" if usage.free < _FAIL_FREE else "warn", found, fix)


def check_watches(folder: Path) -> Check:
    """Whether the kernel lets this user watch a local repository."""
    try:
        watches = int((_INOTIFY / "max_user_watches").read_text())
        instances = int((_INOTIFY / "max_user_instances").read_text())
    except (OSError, ValueError):
        return Check("file watches", "info", "the kernel does not say how many are allowed")
    needed = _folders(folder, limit=watches)
    found = f"{needed} of {watches} needed, {instances} instances allowed"
    if needed * 2 <= watches and instances >= _FEW_INSTANCES:
        return Check("file watches", "ok", found)
    more = max(watches, needed * 4, 65536)
    setting = f"fs.inotify.max_user_watches={more} fs.inotify.max_user_instances={max(instances, 512)}"
    return Check("file watches", "warn", found, f"sudo sysctl -w {setting}")


def check_addresses(settings: AgentSettings) -> Iterator[Check]:
    """Whether the status page and the ingress can listen."""
    addresses = dict.fromkeys((settings.listen.status, settings.listen.webhooks))
    for address in addresses:
        yield _check_address(address)


def _check_address(address: str) -> Check:
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, int(port)))
        except OSError as error:
            fix = f"is an agent running already? Else see `ss -ltnp sport = :{port}`, or set another `listen`"
            return Check("listen", "warn", f"{address}: {error.strerror or error}", fix)
    return Check("listen", "ok", f"{address} is free")


def check_compose() -> Check:
    """Which Compose there is; nothing but information."""
    found = _version(["docker", "compose", "version", "--short"]) or _version(["docker-compose", "version", "--short"])
    if not found:
        return Check("compose", "info", "none found; not needed for images")
    return Check("compose", "info", found)


def _version(command: list[str]) -> str:
    program = shutil.which(command[0])
    if program is None:
        return ""
    try:
        done = subprocess.run(  # noqa: S603 - fixed words
            [program, *command[1:]], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    return next(path for path in (folder, *folder.parents) if path.exists())


def _folders(folder: Path, limit: int) -> int:
    count = 0
    for _ in os.walk(folder):
        count += 1
        if count >= limit:
            break
    return count
