"""Takes secret values out of texts, in the forms in which logs and error messages carry them. Pure.

Known forms: as it is, line by line, as JSON or Python writes it, URL-encoded, and base64 at any of its three
alignments, so that a password inside an Authorization header is found too. Values under four characters are not
replaced: they are everywhere.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

MASK = "***"
MINIMUM_LENGTH = 4


def forms(value: str) -> frozenset[str]:
    """Every text that gives the value away."""
    return frozenset(form for form in _forms(value) if len(form) >= MINIMUM_LENGTH)


def redact(text: str, secret_forms: Iterable[str]) -> str:
    """The text with every form replaced. Give longer forms first, so that no tail of one is left over.

    `in` and `replace` are many times faster than one regular expression of all forms: most texts hold none.
    """
    for form in secret_forms:
        if form in text:
            text = text.replace(form, MASK)
    return text


def _forms(value: str) -> Iterator[str]:
    if len(value) < MINIMUM_LENGTH:
        return
    for text in {value, value.strip(), *(line.strip() for line in value.splitlines())}:
        if len(text) >= MINIMUM_LENGTH:
            yield from _spellings(text)
            yield from _base64_cores(text.encode())


def _spellings(text: str) -> Iterator[str]:
    yield text
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]
    yield repr(text)[1:-1]
    yield quote(text, safe="")
    yield quote(text)
    yield quote_plus(text)


def _base64_cores(content: bytes) -> Iterator[str]:
    """The characters that the value alone decides, for each alignment; and the whole of it, padding included."""
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        yield encode(content).decode()
        for offset, skip in ((0, 0), (1, 2), (2, 3)):
            end = (offset + len(content)) * 8 // 6
            yield encode(bytes(offset) + content).decode()[skip:end]
