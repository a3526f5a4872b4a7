"""Every problem code with the exact place that it points to. A code without a row fails."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.documents import desired, workload

from agent.core import validation
from agent.core.policy import HostPolicy
from agent.core.tree import TreeFile
from agent.discovery import discover_kinds

PATH = "workloads/web.yaml"
WEB = "kind: Workload\nname: web\nsource:\n  kind: image\n  image: nginx\n"
OTHER = workload("other")
CAMEL = re.compile(r'"([A-Z][a-z]+(?:[A-Z][a-z]*)*)"')
NO_CODES = {"Workload", "Registry", "Settings", "Trigger", "LogRule", "EventTrigger", "Null", "True", "False"}
NO_CODES |= {"GiB", "KiB", "MiB", "Item", "Made"}  # units, names of type variables


def volume(source: str, target: str, scope: str) -> str:
    return f"{WEB}volumes:\n  - source: {source}\n    target: {target}\n    scope: {scope}\n"


# code, content of the file (a mapping: several files), line, column
ROWS = [
    ("ChoiceOfFields", WEB + "  healthcheck: {interval: 1s}\n", 6, 3),
    ("Conflict", WEB + "  tag: a\n  tags: [b]\n", 6, 3),
    ("ControlCharacter", "kind: Workload\nname: w\x01b\n", 2, 8),
    ("Cycle", WEB + "depends_on: [web]\n", 6, 14),
    ("Duplicate", WEB + "  tags: [a, a]\n", 6, 3),
    ("DuplicateId", {PATH: WEB + "id: 0000000a\n", "workloads/x.yaml": OTHER + "id: 0000000a\n"}, 6, 1),
    ("DuplicateKey", WEB + "name: again\n", 6, 1),
    ("DuplicateName", WEB + "---\n" + WEB, 2, 1),
    ("DuplicateTarget", volume("a", "/d", "project") + "  - {source: b, target: /d, scope: project}\n", 10, 17),
    ("EmptyFile", "# nothing\n", 0, 0),
    (
        "FaceTaken",
        {PATH: WEB + "faces: [{host: a.b, port: 1}]\n", "workloads/x.yaml": OTHER + "faces: [{host: a.b, port: 1}]\n"},
        6,
        9,
    ),
    ("FileTooLarge", TreeFile(path=PATH, blob_id="b", size=2**21), 1, 1),
    ("ForbiddenByPolicy", WEB + "  privileged: true\n", 6, 3),
    ("ForbiddenPath", volume("/etc", "/d", "absolute"), 7, 5),
    ("InvalidMerge", WEB + "<<: text\n", 6, 5),
    ("InvalidPath", volume("../a", "/d", "project"), 7, 5),
    ("InvalidTarget", volume("a", "/", "project"), 8, 5),
    ("InvalidValue", WEB + "  memory_limit: many\n", 6, 3),
    ("InvalidVolumeName", volume("a/b", "/d", "named"), 7, 5),
    ("InvalidYaml", "kind: [\n", 2, 1),
    ("KeyNotText", WEB + "? [a]\n: b\n", 6, 3),
    ("LfsPointer", "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 1\n", 1, 1),
    ("MisplacedSettings", "kind: Settings\nname: settings\n", 1, 1),
    ("MissingField", "kind: Workload\nname: web\n", 1, 1),
    ("NoDocuments", {}, 0, 0),
    ("NotActedOn", WEB + "windows: [{allow: 'Mon-Fri 08:00-18:00'}]\n", 6, 1),
    ("NotAFile", TreeFile(path=PATH, blob_id="b", size=0, kind="submodule"), 1, 1),
    ("NotAMapping", "- a\n", 1, 1),
    ("NotAvailable", WEB + "  engine: swarm\n", 6, 3),
    ("NulCharacter", 'kind: Workload\nname: "a\\0b"\n', 2, 7),
    ("NumberTooLarge", WEB + "  port: 1" + "0" * 400 + "\n", 6, 9),
    ("OutOfRange", WEB + "  port: 70000\n", 6, 3),
    ("PortTaken", {PATH: WEB + "publish: ['80:80']\n", "workloads/x.yaml": OTHER + "publish: ['80:81']\n"}, 6, 11),
    ("SecretMissing", WEB + "env:\n  A: {secret: none}\n", 7, 3),
    ("Symlink", TreeFile(path=PATH, blob_id="b", size=0, kind="symlink"), 1, 1),
    ("TabIndentation", "kind: Workload\nsource:\n\tkind: image\n", 3, 1),
    ("TooComplex", "a: " + "[" * 200 + "]" * 200 + "\n", 1, 67),
    ("UnknownAnchor", "kind: *none\n", 1, 7),
    ("UnknownField", WEB + "hots: [a]\n", 6, 1),
    ("UnknownKind", "kind: Worklaod\nname: web\n", 1, 1),
    ("UnknownReference", WEB + "  registry: none\n", 6, 3),
    ("UnknownSourceKind", "kind: Workload\nname: web\nsource: {kind: none}\n", 3, 10),
    ("UnknownTag", "kind: !own Workload\nname: web\n", 1, 7),
    ("UnknownValue", WEB + "  pull: often\n", 6, 3),
    ("UnknownWorkload", WEB + "depends_on: [none]\n", 6, 14),
    ("WrongLength", WEB + "hosts: []\n", 6, 1),
    ("WrongName", WEB + "env:\n  1A: b\n", 7, 3),
    ("WrongTag", "kind: Workload\nname: !!int web\n", 2, 7),
    ("WrongType", WEB + "suspend: ja\n", 6, 1),
]
ELSEWHERE = {
    "NothingReadable": "about a whole commit: test_desired_state",
    "NotUtf8": "integration/repository/test_hostile_files",
    "RegistryForbiddenByPolicy": "below",
}


def problems_of(content):
    files = content if isinstance(content, dict) else {PATH: content}
    policy = HostPolicy(allowed_volume_paths=("/srv",))
    return desired(files, kinds=discover_kinds(), policy=policy, has_secret=lambda _: False).problems


@pytest.mark.parametrize(("code", "content", "line", "column"), ROWS, ids=[row[0] for row in ROWS])
def test_a_problem_points_to_its_place(code, content, line, column):
    found = [(one.code, one.position.line, one.position.column) for one in problems_of(content)]
    assert (code, line, column) in found


def test_a_registry_that_the_host_forbids_is_named_at_its_host():
    registry = "kind: Registry\nname: own\nhost: evil.example.com\n"
    policy = HostPolicy(allowed_registries=("*.example.org",))
    (found,) = desired({"registries/own.yaml": registry}, policy=policy).problems
    assert (found.code, found.position.line) == ("RegistryForbiddenByPolicy", 3)


def test_every_code_has_a_row():
    """Codes are the words in camel case of the modules that find problems, less those of phases and reasons."""
    core = Path(validation.__file__).parents[1]
    files = [*core.glob("*.py"), *core.glob("validation/*.py"), *(core.parent / "sources").glob("*.py")]
    text = "\n".join(one.read_text(encoding="utf-8") for one in files if one.name not in ("reasons.py", "eventlog.py"))
    words = {*CAMEL.findall(text), *re.findall(r'code="([A-Za-z]+)"', text)} - NO_CODES
    assert words - {row[0] for row in ROWS} - set(ELSEWHERE) == set()
    assert {row[0] for row in ROWS} <= words
