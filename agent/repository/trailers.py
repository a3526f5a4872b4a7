"""Trailers of a commit message: `Key: value` lines of its last paragraph, as git reads them, simply.

The last paragraph counts when it is not the first and every line of it is a trailer or continues one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_BLANK = re.compile(r"\n[ \t]*(?:\n[ \t]*)*\n")
_TRAILER = re.compile(r"^([A-Za-z0-9][A-Za-z0-9-]*)[ \t]*:[ \t]*(.*)$")


def trailers_of(message: str) -> Mapping[str, tuple[str, ...]]:
    """Values by key in lower case, in their order; a value that goes on in indented lines is joined by spaces."""
    paragraphs = _BLANK.split(message.replace("\r\n", "\n").strip())
    found: list[tuple[str, str]] = []
    for line in paragraphs[-1].split("\n") if len(paragraphs) > 1 else ():
        match = _TRAILER.match(line)
        if match:
            found.append((match[1].lower(), match[2].strip()))
        elif found and line[:1].isspace():
            key, value = found[-1]
            found[-1] = (key, f"{value} {line.strip()}".strip())
        else:
            return {}
    return {key: tuple(value for other, value in found if other == key) for key, _ in found}
