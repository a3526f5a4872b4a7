"""The Jinja2 environment: everything is escaped, and a name that a template misspells is an error, not an empty space.

Imported with the first page that is asked for, so that an agent nobody looks at does not pay for it.
"""

from __future__ import annotations

import functools
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

from agent.web.views.text import one_line


@functools.cache
def environment() -> Environment:
    made = Environment(
        loader=PackageLoader("agent.web", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters["segment"] = segment
    made.filters["shown"] = one_line
    return made


def segment(name: str) -> str:
    """The name as one segment of a path."""
    return quote(name, safe="", errors="replace")


def render(template: str, context: dict[str, object]) -> bytes:
    """The page as bytes; what UTF-8 cannot hold becomes question marks."""
    return environment().get_template(template).render(context).encode("utf-8", "replace")
