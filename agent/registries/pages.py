"""One page of a registry's list of tags, and the way to the next. Pure.

The way to the next page stays on the registry that was asked: of a link to elsewhere only path and query are taken,
because registries behind a proxy name hosts that only they know, and a login is for one host.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from urllib.parse import urljoin, urlsplit

_LINK = re.compile(r"<([^<>]*)>\s*((?:;[^,<]*)*)")
_NEXT = re.compile(r';\s*rel\s*=\s*"?\s*next\s*"?\s*(?:;|$)', re.IGNORECASE)
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")


def next_page(current: str, headers: Iterable[str]) -> str | None:
    """The path and query of the next page, from the Link headers of the one at `current`; None for the last."""
    for header in headers:
        for target, parameters in _LINK.findall(header):
            if _NEXT.search(parameters.strip()):
                return _within(current, target)
    return None


def _within(current: str, target: str) -> str | None:
    try:
        parts = urlsplit(urljoin(current, target.strip()))
    except ValueError:
        return None
    if not parts.path.startswith("/v2/"):
        return None
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def tags_of(body: bytes) -> tuple[str, ...] | None:
    """The tags on a page, without what can be no tag; None where it is no page of tags."""
    try:
        page = json.loads(body)
    except (ValueError, RecursionError):
        return None
    tags = page.get("tags", ()) if isinstance(page, dict) else None
    if tags is None:  # what a registry says of a repository whose last tag went
        return () if isinstance(page, dict) else None
    if not isinstance(tags, list | tuple):
        return None
    return tuple(tag for tag in tags if isinstance(tag, str) and _TAG.fullmatch(tag))
