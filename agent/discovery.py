"""What is pluggable is found by its file: source kinds, trigger kinds and vendors of webhooks, each a module of its
package, or of a folder added to it, with one object of an agreed name.

Nothing else lists them, and nothing here needs an engine or a repository: `validate` starts as fast as it can.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable
from types import ModuleType
from typing import Any

from agent import sources, triggers, vendors
from agent.core.delivery import Vendor
from agent.core.kinds import SourceKind
from agent.core.triggers import TriggerKind


def discover_kinds(folders: Iterable[str] = ()) -> dict[str, SourceKind]:
    """All source kinds by name, those of further folders included."""
    return _discover(sources, "KIND", folders)


def discover_trigger_kinds(folders: Iterable[str] = ()) -> dict[str, TriggerKind]:
    """All trigger kinds by name, those of further folders included."""
    return _discover(triggers, "KIND", folders)


def discover_vendors(folders: Iterable[str] = ()) -> dict[str, Vendor]:
    """All vendors of webhooks by name, those of further folders included."""
    return _discover(vendors, "VENDOR", folders)


def _discover(package: ModuleType, attribute: str, folders: Iterable[str]) -> dict[str, Any]:
    """The objects of this name in the modules of a package, by their own names; a module without one is a helper."""
    package.__path__.extend(folder for folder in folders if folder not in package.__path__)
    found: dict[str, Any] = {}
    for module in pkgutil.iter_modules(package.__path__):
        one = getattr(importlib.import_module(f"{package.__name__}.{module.name}"), attribute, None)
        if one is not None:
            found[one.name] = one
    return found
