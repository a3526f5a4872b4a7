"""Source kinds are found by their file: every module in `agent/sources/` or a folder added to it that has a `KIND`.

Nothing else lists them, and nothing here needs an engine or a repository: `validate` starts as fast as it can.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable

from agent import sources
from agent.core.kinds import SourceKind


def discover_kinds(folders: Iterable[str] = ()) -> dict[str, SourceKind]:
    """All source kinds by name, those of further folders included."""
    sources.__path__.extend(folder for folder in folders if folder not in sources.__path__)
    found: dict[str, SourceKind] = {}
    for module in pkgutil.iter_modules(sources.__path__):
        kind = getattr(importlib.import_module(f"{sources.__name__}.{module.name}"), "KIND", None)
        if kind is not None:
            found[kind.name] = kind
    return found
