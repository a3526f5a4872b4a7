"""Keeps a mirror that lives for months small: its many small packs and loose objects become one pack.

Only what is an hour old is removed, so that nothing which another thread is just writing can be lost; and whatever
should go wrong, a mirror is a cache that can be made anew.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pygit2

from agent.repository.library import BROKEN

logger = logging.getLogger(__name__)

MANY_PACKS = 40
MANY_LOOSE = 3000
SETTLED = 3600.0


def compact(mirror: Path, now: float) -> bool:
    """Pack everything that refs reach when there are many files; True when that was done. `now` is in epoch seconds."""
    packs, loose = list((mirror / "objects" / "pack").glob("*.pack")), list(_loose(mirror))
    if len(packs) < MANY_PACKS and len(loose) < MANY_LOOSE:
        return False
    started = time.monotonic()
    try:
        new = _write_pack(mirror)
        for pack in packs:
            if pack.name not in new and _settled(pack, now):
                pack.with_suffix(".idx").unlink(missing_ok=True)
                pack.unlink(missing_ok=True)
        for one in loose:
            if _settled(one, now):
                one.unlink(missing_ok=True)
    except BROKEN as error:
        logger.warning("the mirror could not be compacted: %s", error)
        return False
    logger.info("compacted %d packs and %d objects in %.1f s", len(packs), len(loose), time.monotonic() - started)
    return True


def _write_pack(mirror: Path) -> set[str]:
    """Write the new pack beside the others and return its name, which may be that of one with the same content."""
    repository = pygit2.Repository(str(mirror))
    builder = pygit2.PackBuilder(repository)
    seen: set[pygit2.Oid] = set()
    for name in repository.references:
        tip = repository.references[name].peel(pygit2.Commit).id
        for commit in repository.walk(tip):
            if commit.id not in seen:
                seen.add(commit.id)
                builder.add(commit.id)
                _add_tree(builder, commit.tree, seen)
    with TemporaryDirectory(dir=mirror, prefix="compacting-") as scratch:
        builder.write(scratch)
        written = sorted(Path(scratch).iterdir(), reverse=True)  # .pack before .idx, which makes it known
        for one in written:
            one.replace(mirror / "objects" / "pack" / one.name)
    return {one.name for one in written}


def _add_tree(builder: pygit2.PackBuilder, tree: pygit2.Tree, seen: set[pygit2.Oid]) -> None:
    """Add what is new in a tree: histories share most of theirs."""
    if tree.id in seen:
        return
    seen.add(tree.id)
    builder.add(tree.id)
    for entry in tree:
        if entry.type_str == "tree":
            _add_tree(builder, entry.peel(pygit2.Tree), seen)
        elif entry.type_str == "blob" and entry.id not in seen:
            seen.add(entry.id)
            builder.add(entry.id)


def _loose(mirror: Path) -> Iterator[Path]:
    for folder in (mirror / "objects").glob("[0-9a-f][0-9a-f]"):
        yield from folder.iterdir()


def _settled(path: Path, now: float) -> bool:
    try:
        return now - path.stat().st_mtime > SETTLED
    except FileNotFoundError:
        return False
