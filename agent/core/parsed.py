"""What one file says, judged by the schemas and independent of its path, and the form in which it is kept between runs.

The form is JSON: unlike marshal and pickle it can be read from a cache that someone changed without doing harm, and at
a few microseconds a document it costs a fraction of the limit.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from agent.core.flaws import Flaw, yaml_flaw
from agent.core.kinds import Finding
from agent.core.locate import Locator
from agent.core.problems import Severity
from agent.core.schemas import KINDS, Schemas
from agent.core.values import is_dns_label
from agent.core.yaml_reader import RawDocument, read_yaml

_LFS_POINTER = b"version https://git-lfs.github.com/spec/v1"
_TOP_LEVEL = re.compile(r"^(kind|name|id):[ \t]+[\"']?([A-Za-z0-9-]+)[\"']?[ \t]*(?:#.*)?$", re.MULTILINE)
_SEPARATOR = re.compile(r"^---(?=\s|$)", re.MULTILINE)
_WRITTEN_MATTERS = "the number "


class Document(NamedTuple):
    """One document. `kind` and `name` are None where they cannot be read; then nothing can be said about what it is.

    `number` counts the documents of the file from 0. `value` is empty unless the document is a mapping. `places` holds
    line and column of each of its top-level keys, in their order.
    """

    number: int
    kind: str | None
    name: str | None
    line: int
    column: int
    value: Mapping[str, Any]
    places: Sequence[int]
    flaws: tuple[Flaw, ...] = ()

    def place(self, key: str) -> tuple[int, int] | None:
        """Line and column of a top-level key; None where it came by a merge."""
        keys = list(self.value)
        start = 2 * keys.index(key) if key in self.value else len(self.places)
        return (self.places[start], self.places[start + 1]) if start + 1 < len(self.places) else None

    @property
    def usable(self) -> bool:
        return not self.flaws


class ParsedFile(NamedTuple):
    """All documents of one file. `stop` is why reading ended before the end of the file.

    `salvaged` holds the top-level fields kind, name and id of workloads behind that place, as far as they can be
    guessed from the text: enough to leave these workloads alone, not enough to know that there are no others.
    """

    documents: tuple[Document, ...] = ()
    stop: Flaw | None = None
    salvaged: tuple[Mapping[str, str], ...] = ()

    @property
    def plain(self) -> bool:
        """Whether it was read to its end and every document in it has a name."""
        return self.stop is None and bool(self.documents) and all(one.name is not None for one in self.documents)


def parse_file(data: bytes, schemas: Schemas) -> ParsedFile:
    """Read and judge one file; never raises, whatever the bytes."""
    if data.startswith(_LFS_POINTER):
        fix = "take the file out of Git LFS: git lfs untrack, then commit the file itself"
        return ParsedFile(stop=yaml_flaw((1, 1), "LfsPointer", "the document itself", "a Git LFS pointer", fix))
    raws, stop = read_yaml(data)
    judge = _Judge(data, len(raws), schemas)
    documents = tuple(judge.document(index, raw) for index, raw in enumerate(raws))
    if stop is None:
        return ParsedFile(documents=documents)
    return ParsedFile(documents=documents, stop=stop, salvaged=_salvage(data, documents))


class _Judge:
    """Puts the schemas' findings at their places; the file is located only when there is one."""

    def __init__(self, data: bytes, count: int, schemas: Schemas) -> None:
        self._data = data
        self._count = count
        self._schemas = schemas
        self._locator: Locator | None = None

    def document(self, index: int, raw: RawDocument) -> Document:
        if not isinstance(raw.value, dict):
            place = (raw.line, raw.column)
            found = "a list" if isinstance(raw.value, list) else "a single value"
            fix = "begin the document with `kind: Workload`; separate documents by a line `---`"
            wrong = yaml_flaw(place, "NotAMapping", "a mapping of fields", found, fix)
            return self._make(index, raw, {}, (*raw.flaws, wrong))
        findings = self._schemas.check_document(raw.value)
        flaws = (*raw.flaws, *(self._placed(index, raw, finding) for finding in findings))
        return self._make(index, raw, raw.value, flaws)

    def _make(self, index: int, raw: RawDocument, value: Mapping[str, Any], flaws: tuple[Flaw, ...]) -> Document:
        kind, name = value.get("kind"), value.get("name")
        return Document(
            number=index,
            kind=kind if isinstance(kind, str) else None,
            name=name if isinstance(name, str) and is_dns_label(name) else None,
            line=raw.line,
            column=raw.column,
            value=value,
            places=raw.places,
            flaws=flaws,
        )

    def _placed(self, index: int, raw: RawDocument, finding: Finding) -> Flaw:
        if self._locator is None:
            self._locator = Locator(self._data, self._count)
        line, column = self._locator.place(index, finding.pointer) or (raw.line, raw.column)
        found = finding.found
        if found.startswith(_WRITTEN_MATTERS):
            found = f"{_WRITTEN_MATTERS}{self._locator.written(index, finding.pointer) or found}"
        return placed(finding, (line, column), found)


def placed(finding: Finding, place: tuple[int, int], found: str | None = None) -> Flaw:
    """A finding with its place."""
    return Flaw(
        line=place[0],
        column=place[1],
        code=finding.code,
        expected=finding.expected,
        found=finding.found if found is None else found,
        fix=finding.fix,
        pointer=finding.pointer,
        severity=finding.severity,
    )


def _salvage(data: bytes, documents: tuple[Document, ...]) -> tuple[Mapping[str, str], ...]:
    known = {document.name for document in documents}
    chunks = _SEPARATOR.split(data.decode(errors="replace"))
    guesses = (dict(_TOP_LEVEL.findall(chunk)) for chunk in chunks)
    return tuple(
        guess
        for guess in guesses
        if guess.get("kind") in KINDS and is_dns_label(guess.get("name", "")) and guess["name"] not in known
    )


def to_bytes(parsed: ParsedFile) -> bytes:
    """The form in which a file is kept between runs."""
    documents = [
        [one.kind, one.name, one.line, one.column, one.value, one.places, [_flaw_row(flaw) for flaw in one.flaws]]
        for one in parsed.documents
    ]
    stop = None if parsed.stop is None else _flaw_row(parsed.stop)
    return json.dumps([documents, stop, parsed.salvaged], ensure_ascii=False, separators=(",", ":")).encode()


def from_bytes(kept: Sequence[bytes]) -> list[ParsedFile | None]:
    """What was kept of each file; None where it is damaged, so that the file is read again.

    All are read at once, so that they share their keys in memory; only where that fails, one by one.
    """
    try:
        files = json.loads(b"[" + b",".join(kept) + b"]")
    except (ValueError, RecursionError):
        files = []
    if len(files) == len(kept):
        return [_kept_file(file) for file in files]
    return [_kept_file(_loaded(data)) for data in kept]


def _loaded(data: bytes) -> object:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _kept_file(file: Any) -> ParsedFile | None:
    try:
        documents, stop, salvaged = file
        return ParsedFile(
            documents=tuple([_kept_document(index, row) for index, row in enumerate(documents)]),
            stop=None if stop is None else _kept_flaw(stop),
            salvaged=tuple(salvaged),
        )
    except (ValueError, TypeError):
        return None


def _flaw_row(flaw: Flaw) -> list[object]:
    return [
        flaw.line,
        flaw.column,
        flaw.code,
        flaw.expected,
        flaw.found,
        flaw.fix,
        flaw.pointer,
        str(flaw.severity),
    ]


def _kept_flaw(row: list[Any]) -> Flaw:
    line, column, code, expected, found, fix, pointer, severity = row
    return Flaw(
        line=line,
        column=column,
        code=code,
        expected=expected,
        found=found,
        fix=fix,
        pointer=pointer,
        severity=Severity(severity),
    )


def _kept_document(index: int, row: list[Any]) -> Document:
    kind, name, line, column, value, places, flaws = row
    if not (isinstance(value, dict) and isinstance(places, list)):
        raise TypeError
    return Document(
        number=index,
        kind=kind,
        name=name,
        line=line,
        column=column,
        value=value,
        places=places,
        flaws=tuple(_kept_flaw(flaw) for flaw in flaws) if flaws else (),
    )
