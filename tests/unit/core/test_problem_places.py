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


def trigger(signal: str) -> str:
    return f"kind: Trigger\nname: ci\nsignal:\n{signal}"


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
    ("InvalidPattern", WEB + "triggers:\n  - kind: log_scan\n    pattern: '('\n", 8, 5),
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
    ("OneOfTwo", WEB + "triggers: [{kind: git, branch: a, tag_pattern: b}]\n", 6, 35),
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
    ("ReservedName", "kind: Trigger\nname: config\nsignal: {kind: manual}\n", 2, 1),
    ("UnknownRegistry", WEB + "triggers: [{kind: registry, image: a, policy: newest, registry: b}]\n", 6, 55),
    ("UnknownTag", "kind: !own Workload\nname: web\n", 1, 7),
    ("UnknownTrigger", WEB + "triggers:\n  - {order: 1, trigger: none}\n", 7, 16),
    ("UnknownTriggerKind", WEB + "triggers:\n  - {order: 1, kind: none}\n", 7, 16),
    ("UnknownValue", WEB + "  pull: often\n", 6, 3),
    ("UnknownVendor", WEB + "triggers: [{kind: webhook, secret: {secret: a}, vendor: gihtub}]\n", 6, 49),
    ("UnknownWorkload", WEB + "depends_on: [none]\n", 6, 14),
    ("WrongLength", WEB + "hosts: []\n", 6, 1),
    ("WrongName", WEB + "env:\n  1A: b\n", 7, 3),
    ("WrongTag", "kind: Workload\nname: !!int web\n", 2, 7),
    ("WrongType", WEB + "suspend: ja\n", 6, 1),
]
ELSEWHERE = {
    "CannotEdit": "no problem of a document: the name of an error",
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


# what is wrong, the signal of triggers/ci.yaml, the workload's one binding, the pointer; `§` stands before the place
TRIGGER_ROWS = [
    ("OutOfRange", "  kind: git\n  §interval: 1s\n", "", "/signal/interval"),
    ("InvalidValue", "  {kind: schedule, §cron: often}\n", "", "/signal/cron"),
    ("InvalidPattern", "  kind: git\n  paths:\n    - a\n    - §b[z-a]\n", "", "/signal/paths/1"),
    ("UnknownVendor", "  kind: webhook\n  §vendor: x\n  secret: {secret: a}\n", "", "/signal/vendor"),
    ("NotAvailable", "  kind: webhook\n  §vendor: quay\n  secret: {secret: a}\n", "", "/signal/vendor"),
    (
        "NotAvailable",
        "  kind: webhook\n  vendor: acr\n  §auth: signature\n  secret: {secret: a}\n",
        "",
        "/signal/auth",
    ),
    ("SecretMissing", "  kind: webhook\n  §secret: {secret: a}\n", "", "/signal/secret"),
    (
        "SecretMissing",
        "  kind: manual\n  secret: {secret: a}\n  §previous_secret: {secret: b}\n",
        "",
        "/signal/previous_secret",
    ),
    ("SecretMissing", "", "{kind: manual, §secret: {secret: a}}", "/triggers/0/secret"),
    ("OutOfRange", "", "{kind: registry, image: a, policy: newest, §interval: 1s}", "/triggers/0/interval"),
    ("UnknownField", "  kind: manual\n", "{trigger: ci, with: {§corn: 1}}", "/triggers/0/with/corn"),
    ("WrongType", "  kind: git\n", "{trigger: ci, with: {§branch: 1}}", "/triggers/0/with/branch"),
    ("WrongType", "  kind: git\n", "{trigger: ci, with: {§paths: a}}", "/triggers/0/with/paths"),
    ("InvalidValue", "  kind: git\n", "{trigger: ci, with: {branch: a, §interval: x}}", "/triggers/0/with/interval"),
    ("InvalidPattern", "  kind: git\n", "{trigger: ci, with: {paths: [a, §'b[z-a]']}}", "/triggers/0/with/paths/1"),
    (
        "OneOfTwo",
        "  {kind: git, branch: a}\n",
        "{trigger: ci, with: {§tag_pattern: b}}",
        "/triggers/0/with/tag_pattern",
    ),
    ("OneOfTwo", "  {kind: git, tag_pattern: a}\n", "{trigger: ci, §with: {branch: b}}", "/triggers/0/with"),
    ("Conflict", "  kind: git\n", "{trigger: ci, with: {§kind: manual}}", "/triggers/0/with/kind"),
    (
        "NotActedOn",
        "  {kind: schedule, cron: '@daily'}\n",
        "{trigger: ci, with: {§cron: '@hourly'}}",
        "/triggers/0/with/cron",
    ),
    (
        "NotActedOn",
        "  {kind: webhook, secret: {secret: a}}\n",
        "{trigger: ci, with: {repo: a, §auth: token}}",
        "/triggers/0/with/auth",
    ),
    ("NotActedOn", "  {§kind: log_scan, pattern: a}\n", "", "/signal/kind"),
    ("NotActedOn", "  kind: manual\n", "{trigger: ci, §run: {keep: 1}}", "/triggers/0/run"),
    (
        "InvalidValue",
        "  kind: manual\n",
        "{trigger: ci, action: run, run: {keep: 2, §command: 'a \"'}}",
        "/triggers/0/run/command",
    ),
    ("UnknownTrigger", "  kind: manual\n", "{order: 1, §trigger: cj}", "/triggers/0/trigger"),
    ("UnknownRegistry", "  {kind: registry, image: a, policy: newest, §registry: none}\n", "", "/signal/registry"),
    ("UnknownRegistry", "", "{kind: registry, image: a, policy: newest, §registry: b}", "/triggers/0/registry"),
    (
        "UnknownRegistry",
        "  {kind: registry, image: a, policy: newest}\n",
        "{trigger: ci, with: {§registry: none}}",
        "/triggers/0/with/registry",
    ),
]


def marked(files: dict[str, str]) -> tuple[dict[str, str], tuple[str, int, int]]:
    """The files without the mark, and path, line and column of where it stood."""
    ((path, before),) = [(path, text.partition("§")[0]) for path, text in files.items() if "§" in text]
    place = (path, before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1)
    return {path: text.replace("§", "") for path, text in files.items()}, place


@pytest.mark.parametrize(("code", "signal", "binding", "pointer"), TRIGGER_ROWS)
def test_a_problem_of_a_trigger_points_to_its_place(code, signal, binding, pointer):
    given = {PATH: WEB + f"triggers: [{binding}]\n"} | ({"triggers/ci.yaml": trigger(signal)} if signal else {})
    files, place = marked(given)
    found = [one for one in problems_of(files) if one.pointer == pointer]
    assert [(one.code, (one.position.path, one.position.line, one.position.column)) for one in found] == [(code, place)]


def test_a_registry_that_the_host_forbids_is_named_at_its_host():
    registry = "kind: Registry\nname: own\nhost: evil.example.com\n"
    policy = HostPolicy(allowed_registries=("*.example.org",))
    (found,) = desired({"registries/own.yaml": registry}, policy=policy).problems
    assert (found.code, found.position.line) == ("RegistryForbiddenByPolicy", 3)


def test_every_code_has_a_row():
    """Codes are the words in camel case of the modules that find problems, less those of phases and reasons."""
    core = Path(validation.__file__).parents[1]
    files = [*core.glob("*.py"), *core.glob("validation/*.py"), *(core.parent / "sources").glob("*.py")]
    files += [*(core.parent / "triggers").glob("*.py"), *core.glob("image_policy/*.py")]
    text = "\n".join(one.read_text(encoding="utf-8") for one in files if one.name not in ("reasons.py", "eventlog.py"))
    words = {*CAMEL.findall(text), *re.findall(r'code="([A-Za-z]+)"', text)} - NO_CODES
    assert words - {row[0] for row in ROWS} - set(ELSEWHERE) == set()
    assert {row[0] for row in ROWS} <= words
