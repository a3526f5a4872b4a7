"""The tutorial, pasted block by block into one shell on the real engine; what it says will be seen must be seen."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.agent_process import EngineSide, free_port
from support.project import DOCS

TUTORIAL = DOCS / "tutorial.md"
BLOCK = re.compile(r"^```(console|text)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
MARK = "=== block "
HOST = "tutorial"

pytestmark = [pytest.mark.engine, pytest.mark.program("busybox"), pytest.mark.timeout(240)]


def blocks() -> list[tuple[str, list[str]]]:
    """Each block of commands, with the lines that it is said to print."""
    found: list[tuple[str, list[str]]] = []
    for kind, text in BLOCK.findall(TUTORIAL.read_text(encoding="utf-8")):
        if kind == "console":
            found.append((text, []))
        else:
            found[-1][1].extend(text.splitlines())
    return found


@pytest.fixture
def ports() -> dict[str, str]:
    """Free ports for those of the page, which may be taken on this machine."""
    return {"8081": str(free_port()), "8420": str(free_port())}


@pytest.fixture
def clean_host() -> Iterator[None]:
    EngineSide(HOST).clean()
    yield
    EngineSide(HOST).clean()


@pytest.mark.usefixtures("clean_host")
@pytest.mark.program("docker")
def test_every_block_prints_what_the_page_says(tmp_path: Path, ports: dict[str, str]) -> None:
    script = "set -e\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n"
    for number, (commands, _) in enumerate(blocks()):
        script += f"echo '{MARK}{number}'\n{commands}"
    for said, used in ports.items():
        script = script.replace(f"127.0.0.1:{said}", f"127.0.0.1:{used}")
    (tmp_path / "tutorial.sh").write_text(script, encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PIERHEAD_", "GIT_"))}
    environment |= {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "PIERHEAD_LISTEN": f"127.0.0.1:{ports['8420']}",
        "GIT_AUTHOR_NAME": "Reader",
        "GIT_AUTHOR_EMAIL": "reader@example.com",
        "GIT_COMMITTER_NAME": "Reader",
        "GIT_COMMITTER_EMAIL": "reader@example.com",
    }
    done = subprocess.run(
        ["bash", str(tmp_path / "tutorial.sh")],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=220,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    outputs = done.stdout.split(MARK)[1:]
    for (commands, lines), output in zip(blocks(), outputs, strict=True):
        for line in lines:
            pattern = ".*".join(re.escape(part) for part in line.split("…"))
            assert re.search(pattern, output), f"{commands}\nexpected: {line}\nfound: {output}\n{done.stderr}"


def test_every_block_of_output_follows_a_block_of_commands() -> None:
    assert len(blocks()) >= 10
    assert sum(bool(lines) for _, lines in blocks()) >= 8
