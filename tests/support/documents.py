"""Config repositories made of text, and the smallest source kind, for tests of everything from YAML to DesiredState."""

from __future__ import annotations

import hashlib
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from agent.core.desired import DesiredReader
from agent.core.entries import Context
from agent.core.kinds import Finding
from agent.core.model import DesiredState
from agent.core.policy import HostPolicy
from agent.core.problems import Problem
from agent.core.schemas import Schemas
from agent.core.tree import Tree, TreeFile
from agent.core.values import InvalidValue
from agent.loading import context_for
from agent.schema_files import schemas

REVISION = "a" * 40


@dataclass(frozen=True)
class FakeSource:
    image: str
    raw: Mapping[str, object]
    kind: str = "image"


@dataclass
class FakeKind:
    """A source kind that counts what it is asked and finds what it is told to find, by workload name."""

    name: str = "image"
    findings: dict[str, list[Finding]] = field(default_factory=dict)
    checked: list[str] = field(default_factory=list)

    def parse(self, raw):
        if raw["image"] == "refused":
            raise InvalidValue("another image", "`refused`", fix="name another", pointer="/source/image")
        if raw["image"] == "broken":
            raise ValueError("this image cannot be parsed")
        return FakeSource(image=raw["image"], raw=raw)

    def check(self, workload, desired, policy):
        self.checked.append(workload.name)
        return self.findings.get(workload.name, ())

    def secret_names(self, workload):
        return frozenset({"from-source"} if "secret" in workload.source.image else ())


class MemoryCache:
    """Keeps parsed files as the journal does."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def cached_documents(self, blob_ids: Iterable[str]) -> Mapping[str, bytes]:
        return {one: self.kept[one] for one in blob_ids if one in self.kept}

    def cache_documents(self, parsed: Mapping[str, bytes]) -> None:
        self.kept.update(parsed)


class Repo:
    """Files by path; `tree()` is what a repository hands over, `read_blob` counts what is read."""

    def __init__(self, files: Mapping[str, str | bytes | TreeFile]) -> None:
        self.blobs: dict[str, bytes] = {}
        self.read: list[str] = []
        self.files: dict[str, TreeFile] = {}
        for path, content in files.items():
            self.put(path, content)

    def put(self, path: str, content: str | bytes | TreeFile) -> None:
        if isinstance(content, TreeFile):
            self.files[path] = content
            return
        data = textwrap.dedent(content).encode() if isinstance(content, str) else content
        blob_id = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
        self.blobs[blob_id] = data
        self.files[path] = TreeFile(path=path, blob_id=blob_id, size=len(data))

    def remove(self, path: str) -> None:
        del self.files[path]

    def tree(self, missing: str = "") -> Tree:
        return Tree(revision=REVISION, files=tuple(self.files.values()), missing=missing)

    def read_blob(self, blob_id: str) -> bytes:
        self.read.append(blob_id)
        return self.blobs[blob_id]


def workload(name: str, more: str = "", image: str = "nginx") -> str:
    """The text of a small workload document; `more` holds further top-level fields."""
    return f"kind: Workload\nname: {name}\nsource: {{kind: image, image: {image}}}\n{textwrap.dedent(more)}"


RULES = context_for("edge-1", HostPolicy()).triggers


def context(**changes: object) -> Context:
    given = {"host": "edge-1", "policy": HostPolicy(), "kinds": {"image": FakeKind()}, "triggers": RULES} | changes
    return Context(**given)


ALL_SCHEMAS = Schemas(schemas())


def reader(cache: MemoryCache | None = None, **changes: object) -> DesiredReader:
    return DesiredReader(ALL_SCHEMAS, context(**changes), cache)


def desired(files: Mapping[str, str | bytes | TreeFile], **changes: object) -> DesiredState:
    """What a repository of these files says to host edge-1."""
    repo = Repo(files)
    return reader(**changes).read(repo.tree(), repo.read_blob)


def codes(problems: Iterable[Problem]) -> list[str]:
    return [problem.code for problem in problems]


def places(problems: Iterable[Problem]) -> list[tuple[str, int, int]]:
    return [(problem.position.path, problem.position.line, problem.position.column) for problem in problems]
