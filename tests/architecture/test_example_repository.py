from __future__ import annotations

import re
import subprocess
import sys

import pytest
from support.project import EXAMPLE, SCHEMAS

FILES = sorted(path for path in EXAMPLE.rglob("*.yaml") if "schemas" not in path.parts)
MODELINE = re.compile(r"# yaml-language-server: \$schema=(\S+)")


def name_of(path):
    return path.relative_to(EXAMPLE).as_posix()


def test_it_is_valid_without_a_warning():
    command = [sys.executable, "-m", "agent", "validate", str(EXAMPLE), "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_every_file_tells_editors_its_schema(path):
    first_line = path.read_text(encoding="utf-8").splitlines()[0]
    schema = (path.parent / MODELINE.fullmatch(first_line)[1]).resolve()
    assert schema.parent == SCHEMAS
    assert schema.is_file()


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_every_file_explains_itself(path):
    assert any(line.startswith("# ") for line in path.read_text(encoding="utf-8").splitlines()[1:])


def test_its_page_names_every_file():
    text = (EXAMPLE / "README.md").read_text(encoding="utf-8")
    assert [name_of(path) for path in FILES if name_of(path) not in text] == []
