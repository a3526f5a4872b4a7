from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from support.project import AGENT, EXAMPLE, ROOT, SCHEMAS, unmeasured_environment

from agent import __version__

TIME_LIMIT = 100


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this tree by the build backend that is installed here."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIME_LIMIT, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with nothing but the content of the wheel; dependencies come from the tests' own environment."""
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def pierhead(installed: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = unmeasured_environment(installed)
    command = [sys.executable, "-m", "agent", *words]
    return subprocess.run(
        command, cwd=installed, env=environment, capture_output=True, text=True, timeout=TIME_LIMIT, check=False
    )


def names_in(folder: Path) -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_carries_every_file_of_the_package(wheel):
    with zipfile.ZipFile(wheel) as archive:
        carried = set(archive.namelist())
    assert {f"agent/{name}" for name in names_in(AGENT)} <= carried


def test_the_wheel_carries_schemas_and_example(installed):
    assert names_in(installed / "agent" / "_schemas") == names_in(SCHEMAS)
    example = {name for name in names_in(EXAMPLE) if not name.startswith("schemas/")}
    carried = names_in(installed / "agent" / "_example")
    assert example <= carried
    assert {f"schemas/{name}" for name in names_in(SCHEMAS)} <= carried


def test_the_wheel_carries_neither_tests_nor_state(wheel):
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.partition("/")[0] for name in archive.namelist()}
    assert tops == {"agent", f"pierhead-{__version__}.dist-info"}


def test_an_installed_wheel_prints_its_schemas(installed):
    done = pierhead(installed, "schema", "workload")
    assert done.returncode == 0, done.stderr
    assert '"title": "Workload"' in done.stdout


def test_an_installed_wheel_knows_its_example(installed):
    script = "from agent.demo.place import example_repository; print(example_repository())"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=installed,
        env=unmeasured_environment(installed),
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT,
        check=True,
    )
    assert Path(done.stdout.strip()) == installed / "agent" / "_example"
