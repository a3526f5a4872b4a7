"""A kind of trigger that nothing in the project knows is one new file and one new schema, and no other change."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.project import AGENT, SCHEMAS, unmeasured_environment

KIND = '''
"""Fires at high tide, which somebody tells by hand."""

from agent.core.inbound import MANUAL, InboundEvent
from agent.core.kinds import Finding
from agent.core.pins import Version
from agent.core.triggers import Verdict, WatchIngress


class TideKind:
    name = "tide"

    def check(self, config):
        if config["port"] == "Vienna":
            yield Finding(
                pointer="/port", code="NoTide", expected="a port by the sea", found="Vienna", fix="go to the sea"
            )

    def summary(self, config):
        return {"port": config["port"]}

    def secret_names(self, config):
        return frozenset({config["key"]["secret"]} if "key" in config else ())

    def watches(self, config):
        return (WatchIngress(vendor="generic", auth="token", secrets=(), manual=True),)

    def judge(self, config, signal, pinned):
        if isinstance(signal, InboundEvent) and signal.type == MANUAL:
            return Verdict(fired=True, why=f"high tide in {config['port']}", version=Version(tag="high"))
        return Verdict(fired=False, why=f"low tide in {config['port']}")


KIND = TideKind()
'''
SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Trigger: tide",
    "type": "object",
    "properties": {
        "kind": {"const": "tide", "description": "Always `tide`."},
        "port": {"type": "string", "description": "Where."},
        "key": {"type": "object", "description": "What is needed to look.", "properties": {"secret": {}}},
    },
    "required": ["kind", "port"],
    "additionalProperties": False,
    "examples": [{"kind": "tide", "port": "Brest"}],
}
TRIGGER = "kind: Trigger\nname: high\nsignal: {kind: tide, port: %s}\n"
WORKLOAD = """\
kind: Workload
name: boat
source: {kind: image, image: boats/boat, tag: low}
triggers:
  - {trigger: high, with: {port: Dover}}
  - {kind: tide, port: Cuxhaven}
"""
MATCH = """
import json, sys
from agent.core.inbound import MANUAL, TICK, InboundEvent
from agent.core.matching import Matcher
from agent.core.policy import HostPolicy
from agent.core.tree import Tree, TreeFile
from agent.discovery import discover_kinds, discover_trigger_kinds
from agent.loading import context_for, loader

files = json.loads(sys.argv[1])
tree = Tree(
    revision="a" * 40,
    files=tuple(TreeFile(path=path, blob_id=path, size=len(text)) for path, text in files.items()),
)
desired = loader(context_for("edge-1", HostPolicy()), lambda path: files[path].encode(), None)(tree)
assert desired.problems == (), desired.problems
matcher = Matcher(desired=desired, sources=discover_kinds(), triggers=discover_trigger_kinds())
for trigger, bounds in desired.bindings.items():
    for event in (MANUAL, TICK):
        for one in matcher.decide(InboundEvent(type=event), bounds):
            print(trigger, one.fired, one.action, one.why, one.repin.text if one.repin else "-", sep="|")
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project with one file and one schema more, and no other change."""
    unwanted = shutil.ignore_patterns("__pycache__")
    shutil.copytree(AGENT, tmp_path / "agent", ignore=unwanted)
    shutil.copytree(SCHEMAS, tmp_path / "schemas")
    (tmp_path / "agent" / "triggers" / "tide.py").write_text(KIND, encoding="utf-8")
    (tmp_path / "schemas" / "trigger" / "tide.schema.json").write_text(json.dumps(SCHEMA), encoding="utf-8")
    return tmp_path


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A config repository with a trigger of the new kind, bound by name and inline."""
    folder = tmp_path / "config"
    for path, text in {"triggers/high.yaml": TRIGGER % "Brest", "workloads/boat.yaml": WORKLOAD}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder


def run(project: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = unmeasured_environment(project)
    return subprocess.run(
        [sys.executable, *command],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_one_file_and_one_schema_make_a_kind_that_is_validated(project, config):
    valid = run(project, "-m", "agent", "validate", str(config))
    assert valid.returncode == 0, valid.stdout + valid.stderr


@pytest.mark.parametrize(
    ("change", "place", "said"),
    [
        (("triggers/high.yaml", "Brest", "Vienna"), "triggers/high.yaml:3:22", "a port by the sea"),
        (("triggers/high.yaml", "Brest", "[1]"), "triggers/high.yaml:3:22", "text"),
        (("workloads/boat.yaml", "Dover", "Vienna"), "workloads/boat.yaml:5:28", "a port by the sea"),
        (("workloads/boat.yaml", "port: Dover", "prot: Dover"), "workloads/boat.yaml:5:28", "`prot`"),
        (("workloads/boat.yaml", "Cuxhaven", "Vienna"), "workloads/boat.yaml:6:18", "a port by the sea"),
        (("workloads/boat.yaml", "kind: tide, port", "kind: tide, prot"), "workloads/boat.yaml:6:18", "`prot`"),
    ],
)
def test_its_schema_and_its_own_checks_count_by_name_and_inline(project, config, change, place, said):
    path, before, after = change
    text = (config / path).read_text(encoding="utf-8")
    (config / path).write_text(text.replace(before, after), encoding="utf-8")
    invalid = run(project, "-m", "agent", "validate", str(config))
    assert invalid.returncode == 1, invalid.stdout
    assert place in invalid.stdout
    assert said in invalid.stdout


def test_its_signals_are_matched(project):
    files = json.dumps({"triggers/high.yaml": TRIGGER % "Brest", "workloads/boat.yaml": WORKLOAD})
    matched = run(project, "-c", MATCH, files)
    assert matched.returncode == 0, matched.stderr
    assert matched.stdout.splitlines() == [
        "high|True|deploy|high tide in Dover|docker.io/boats/boat low → high",
        "high|False|deploy|low tide in Dover|-",
        "boat.2|True|deploy|high tide in Cuxhaven|docker.io/boats/boat low → high",
        "boat.2|False|deploy|low tide in Cuxhaven|-",
    ]


def test_its_fields_are_in_the_schema_that_is_printed(project):
    printed = run(project, "-m", "agent", "schema", "trigger")
    assert printed.returncode == 0, printed.stderr
    assert "#/$defs/trigger-tide" in printed.stdout


def test_without_them_the_kind_is_refused_by_name(config):
    refused = run(AGENT.parent, "-m", "agent", "validate", str(config))
    assert refused.returncode == 1
    assert "one of the trigger kinds of this version" in refused.stdout
    assert "`tide`" in refused.stdout
