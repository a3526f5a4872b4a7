from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.project import AGENT, SCHEMAS, unmeasured_environment

KIND = '''
"""A kind of source that nothing in the project knows: a container that says a greeting."""

from dataclasses import dataclass

from agent.core.container import ContainerSpec
from agent.core.kinds import Finding
from agent.core.planning.decide import plan_containers


@dataclass(frozen=True, slots=True)
class Greeting:
    words: str
    kind: str = "greeting"


class GreetingKind:
    name = "greeting"

    def parse(self, raw):
        return Greeting(raw["words"])

    def check(self, workload, desired, policy):
        if workload.source.words == "bye":
            yield Finding(
                pointer="/source/words", code="NotAGreeting", expected="a greeting", found="bye", fix="say hello"
            )

    def summary(self, workload):
        return {"words": workload.source.words}

    def secret_names(self, workload):
        return frozenset()

    def dependencies(self, workload):
        return ()

    def probe(self, workload):
        return None

    def plan(self, workload, observed, situation):
        spec = ContainerSpec(
            workload=workload.name, workload_id=workload.id, image="greeter:1", command=(workload.source.words,)
        )
        return plan_containers(workload, (spec,), observed, situation)


KIND = GreetingKind()
'''
SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Source: greeting",
    "type": "object",
    "properties": {
        "kind": {"const": "greeting", "description": "Always `greeting`."},
        "words": {"type": "string", "description": "What is said."},
    },
    "required": ["kind", "words"],
    "unevaluatedProperties": False,
    "examples": [{"kind": "greeting", "words": "hello"}],
}
DOCUMENT = "kind: Workload\nname: friendly\nsource: {kind: greeting, words: %s}\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project with one file and one schema more, and no other change."""
    unwanted = shutil.ignore_patterns("__pycache__")
    shutil.copytree(AGENT, tmp_path / "agent", ignore=unwanted)
    shutil.copytree(SCHEMAS, tmp_path / "schemas")
    (tmp_path / "agent" / "sources" / "greeting.py").write_text(KIND, encoding="utf-8")
    (tmp_path / "schemas" / "source" / "greeting.schema.json").write_text(json.dumps(SCHEMA), encoding="utf-8")
    return tmp_path


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A config repository: an empty commit, then one with a workload of the new kind."""
    folder = tmp_path / "config"
    (folder / "workloads").mkdir(parents=True)
    run("git", "init", "--quiet", "--initial-branch=main", cwd=folder)
    commit(folder, "--allow-empty")
    (folder / "workloads" / "friendly.yaml").write_text(DOCUMENT % "hello", encoding="utf-8")
    commit(folder)
    return folder


def run(*command: str, cwd: Path, python_path: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = unmeasured_environment(python_path) if python_path else None
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=60, check=False)


def commit(folder: Path, *options: str) -> None:
    run("git", "add", "--all", cwd=folder)
    person = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    assert run("git", *person, "commit", "--quiet", "--message", "one", *options, cwd=folder).returncode == 0


def pierhead(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return run(sys.executable, "-m", "agent", *words, cwd=project, python_path=project)


def test_one_file_and_one_schema_make_a_kind_that_is_validated_and_planned(project, config):
    valid = pierhead(project, "validate", str(config))
    assert valid.returncode == 0, valid.stdout + valid.stderr
    planned = pierhead(project, "plan", "--repo", str(config), "--from", "HEAD~1")
    assert planned.returncode == 0, planned.stdout + planned.stderr
    assert "friendly" in planned.stdout
    assert "greeter:1" in planned.stdout


@pytest.mark.parametrize(("words", "found"), [("bye", "a greeting"), ("[1]", "workloads/friendly.yaml:3")])
def test_its_schema_and_its_own_checks_count(project, config, words, found):
    (config / "workloads" / "friendly.yaml").write_text(DOCUMENT % words, encoding="utf-8")
    invalid = pierhead(project, "validate", str(config))
    assert invalid.returncode == 1
    assert found in invalid.stdout


def test_without_them_the_kind_is_refused_by_name(config):
    refused = run(sys.executable, "-m", "agent", "validate", str(config), cwd=config)
    assert refused.returncode == 1
    assert "greeting" in refused.stdout
    assert "image" in refused.stdout
