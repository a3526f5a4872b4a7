"""The Docker Engine: whether it answers, who may ask it, its version, its clock and its disk."""

from __future__ import annotations

import getpass
import grp
import os
from collections.abc import Iterator
from pathlib import Path

from agent.cli.checks.machine import check_space
from agent.cli.checks.result import Check
from agent.errors import PierheadError
from agent.ports import Clock, Engine, EngineInfo

MINIMUM_API = (1, 41)
_SKEW_WARN = 5.0


def check_engine(url: str, engine: Engine, clock: Clock) -> Iterator[Check]:
    """All about the engine; one failing check when it cannot be asked."""
    try:
        info = engine.info()
    except PierheadError as error:
        yield Check("engine", "fail", error.message, _socket_fix(url) or error.advice or "start the engine")
        return
    yield _version(info)
    yield check_skew("engine clock", info.time - clock.now(), "the engine's machine")
    if url.startswith("unix://") and info.root:
        yield check_space("engine disk", Path(info.root))


def check_skew(name: str, seconds: float, where: str) -> Check:
    """How far another clock is from ours."""
    found = f"{abs(seconds):.1f} s {'ahead of' if seconds > 0 else 'behind'} this machine"
    if abs(seconds) <= _SKEW_WARN:
        return Check(name, "ok", found)
    return Check(name, "warn", found, f"switch time synchronisation on here and on {where}: timedatectl set-ntp true")


def _version(info: EngineInfo) -> Check:
    found = f"Docker {info.version}, API {info.api_version}{', Swarm' if info.swarm else ''}"
    parts = tuple(int(part) for part in info.api_version.split(".") if part.isdecimal())
    if parts < MINIMUM_API:
        wanted = ".".join(map(str, MINIMUM_API))
        return Check(
            "engine", "fail", f"expected API {wanted} or newer, found {found}", "update to Docker 20.10 or newer"
        )
    return Check("engine", "ok", found)


def _socket_fix(url: str) -> str:
    """What to do about a socket of this machine that cannot be used."""
    if not url.startswith("unix://"):
        return ""
    path = Path(url.removeprefix("unix://"))
    if not path.exists():
        return f"there is no {path}: install and start Docker (sudo systemctl start docker), or set engine.url"
    if os.access(path, os.R_OK | os.W_OK):
        return ""
    group_id = path.stat().st_gid
    return (
        f"sudo usermod -aG {_group(group_id)} {getpass.getuser()} and log in again;"
        f" for an agent in a container add --group-add {group_id}"
    )


def _group(group_id: int) -> str:
    try:
        return grp.getgrgid(group_id).gr_name
    except KeyError:
        return str(group_id)
