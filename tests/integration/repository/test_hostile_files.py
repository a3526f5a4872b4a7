"""What people, editors and attackers put into a config repository, through the real command and a real mirror.

Each has one outcome: a problem with its code, place and way out, while the good workload beside it stays in force,
within a bounded time and memory.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.documents import ALL_SCHEMAS, workload
from support.git_server import bare, clone, commit, git
from support.writeback import PlainSecrets, settings_for

from agent.core.desired import StateBuilder
from agent.core.documents import DocumentLoader
from agent.core.entries import Context
from agent.discovery import discover_kinds
from agent.loading import EVERYTHING
from agent.repository.mirror import Mirror

GOOD = workload("web")
SECONDS = 20.0
KIBIBYTES = 300 * 1024

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
)
MERGE_BOMB = (
    "m0: &m0 {"
    + ", ".join(f"k{n}: 1" for n in range(300))
    + "}\n"
    + "".join(
        f"m{n}: &m{n} {{" + "<<: [" + ", ".join([f"*m{n - 1}"] * 9) + f"], own{n}: {{a: *m{n - 1}, b: *m{n - 1}}}}}\n"
        for n in range(1, 20)
    )
)
LFS = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'4d' * 32}\nsize 12345\n"
SOURCE = "source: {kind: image, image: nginx}\n"

HOSTILE = {
    "50-mib": (b"# filler\n" * (50 * 1024 * 1024 // 9), ("FileTooLarge", 1, 1)),
    "alias-bomb": (BOMB, ("TooComplex", 5, None)),
    "merge-bomb": (MERGE_BOMB, ("TooComplex", 4, None)),
    "deep-flow": ("a: " + "[" * 50_000, ("TooComplex", 1, 67)),
    "deep-block": ("".join(f"{'  ' * n}a:\n" for n in range(400)), ("TooComplex", 65, 129)),
    "many-values": ("a: [" + "1," * 200_000 + "]\n", ("TooComplex", 1, None)),
    "latin-1": ("kind: Workload\nname: bad\ndescription: caf\u00e9\n".encode("latin-1"), ("NotUtf8", 3, 17)),
    "utf-16": (workload("bad").encode("utf-16"), ("NotUtf8", 1, 1)),
    "nul-byte": (b"kind: Workload\nname: b\0d\n", ("ControlCharacter", 2, 8)),
    "escaped-nul": ('kind: Workload\nname: bad\ndescription: "a\\0b"\n' + SOURCE, ("NulCharacter", 3, 14)),
    "tabs": ("kind: Workload\nname: bad\nsource:\n\tkind: image\n", ("TabIndentation", 4, 1)),
    "duplicate-keys": (workload("bad", "prune: true\nprune: false\n"), ("DuplicateKey", 5, 1)),
    "unknown-anchor": (workload("bad", "x-a: {A: *nowhere}\n"), ("UnknownAnchor", 4, 10)),
    "anchor-to-itself": (workload("bad", "x-a: &x [*x]\n"), ("UnknownAnchor", 4, 10)),
    "python-tag": (workload("bad", "x-a: !!python/object/apply:os.system [id]\n"), ("UnknownTag", 4, 6)),
    "long-name": (workload("b" * 64), ("InvalidValue", 2, 1)),
    "very-long-name": (workload("b" * 500_000), ("InvalidValue", 2, 1)),
    "look-alike": (workload("w\u0435b"), ("InvalidValue", 2, 1)),
    "right-to-left": (workload('"web\\u202e"'), ("InvalidValue", 2, 1)),
    "lfs-pointer": (LFS, ("LfsPointer", 1, 1)),
    "carriage-returns": (workload("bad", "prot: 1\n").replace("\n", "\r\n"), ("UnknownField", 4, 1)),
    "byte-order-mark": ("\ufeff" + workload("bad", "prot: 1\n"), ("UnknownField", 4, 1)),
    "second-of-two": (workload("fine") + "---\n" + workload("bad", "prot: 1\n"), ("UnknownField", 8, 1)),
    "binary": (bytes(range(256)) * 100, ("NotUtf8", None, None)),
    "not-closed": ('kind: Workload\nname: "bad\n', ("InvalidYaml", None, None)),
}


# A process counts the memory of the one that made it, until it executes its own program, as its own: a small
# process in between keeps the test runner's memory out of the figure.
MEASURED = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(code)
"""


def validate(folder: Path, *options: str) -> tuple[list[dict], float, int]:
    """The problems that the command prints, its seconds, and its greatest memory in KiB."""
    command = [sys.executable, "-m", "agent", "validate", str(folder), "--format", "json", *options]
    began = time.monotonic()
    process = subprocess.run([sys.executable, "-S", "-c", MEASURED, *command], capture_output=True, check=False)
    seconds = time.monotonic() - began
    *errors, memory = process.stderr.decode().splitlines()
    assert errors == []
    problems = json.loads(process.stdout)
    assert process.returncode == int(any(one["severity"] == "error" for one in problems))
    return problems, seconds, int(memory)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = clone(bare(tmp_path / "config.git"), tmp_path / "work")
    (folder / "workloads").mkdir()
    (folder / "workloads" / "web.yaml").write_text(GOOD)
    return folder


def push(work: Path) -> str:
    revision = commit(work, {})
    git(work, "push", "--quiet", "origin", "HEAD:main")
    return revision


def desired(work: Path):
    """What an agent makes of the repository, by way of its mirror."""
    folder = work.parent
    mirror = Mirror(settings_for(folder, str(folder / "config.git")).repo, folder / "data", PlainSecrets())
    mirror.fetch()
    loaded = DocumentLoader(ALL_SCHEMAS).load(mirror.tree(), mirror.read_blob)
    return StateBuilder(Context(host="edge-1", policy=EVERYTHING, kinds=discover_kinds())).build(loaded)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_one_clear_problem_and_harms_nothing_else(work, name):
    content, (code, line, column) = HOSTILE[name]
    (work / "workloads" / "bad.yaml").write_bytes(content.encode() if isinstance(content, str) else content)
    push(work)
    (first, *_), seconds, memory = validate(work)
    assert (first["path"], first["code"]) == ("workloads/bad.yaml", code)
    assert line in (None, first["line"])
    assert column in (None, first["column"])
    assert all(first[field] for field in ("line", "column", "expected", "found", "fix"))
    assert len(json.dumps(first)) < 2000
    assert seconds < SECONDS
    assert memory < KIBIBYTES
    of_ref, _, memory_of_ref = validate(work, "--ref", "main")
    assert of_ref[0] == first
    assert memory_of_ref < KIBIBYTES
    state = desired(work)
    assert "web" in state.workloads
    assert state.readable
    assert "bad" not in state.workloads
    assert state.problems[0].code == code


@pytest.mark.parametrize(
    "name",
    [
        "a file with spaces.yaml",
        "caf\u00e9-\u043a\u043b\u044e\u0447-\U0001f6a2.yml",
        "quote'\"and,colon:percent%.yaml",
        "line\nbreak.yaml",
        "n" * 250 + ".yml",
        "deep/" * 60 + "web2.yaml",
    ],
)
def test_a_path_may_have_any_letters(work, name):
    path = work / "workloads" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(workload("other", "prot: 1\n"))
    push(work)
    problems, _, _ = validate(work)
    assert [(one["path"], one["line"], one["column"]) for one in problems] == [(f"workloads/{name}", 4, 1)]
    assert validate(work, "--ref", "HEAD")[0] == problems
    path.write_text(workload("other"))
    push(work)
    assert validate(work)[0] == []
    assert set(desired(work).workloads) == {"web", "other"}


def test_links_out_of_the_tree_are_named_and_not_read(work, tmp_path):
    secret = tmp_path / "secret.yaml"
    secret.write_text(workload("stolen"))
    (work / "workloads" / "link.yaml").symlink_to(secret)
    (work / "registries").symlink_to(tmp_path)
    (work / "triggers").symlink_to(work / "triggers")
    push(work)
    problems, _, _ = validate(work)
    codes = {one["path"]: one["code"] for one in problems}
    assert codes["workloads/link.yaml"] == "Symlink"
    assert set(codes.values()) == {"Symlink"}
    assert all(one["fix"] for one in problems)
    assert validate(work, "--ref", "main")[0] == problems
    state = desired(work)
    assert set(state.workloads) == {"web"}
    assert not state.complete


def test_a_submodule_holds_no_documents_and_is_named(work, tmp_path):
    inner = clone(bare(tmp_path / "inner.git"), tmp_path / "inner")
    revision = commit(inner, {"x.yaml": workload("stolen")})
    git(work, "update-index", "--add", "--cacheinfo", f"160000,{revision},workloads/inner")
    git(work, "commit", "--quiet", "--message", "submodule")
    git(work, "add", "workloads/web.yaml")
    git(work, "commit", "--quiet", "--amend", "--message", "submodule")
    git(work, "push", "--quiet", "origin", "HEAD:main")
    problems, _, _ = validate(work, "--ref", "main")
    assert [(one["path"], one["code"]) for one in problems] == [("workloads/inner", "NotAFile")]
    assert problems[0]["found"] == "a submodule"
    assert set(desired(work).workloads) == {"web"}


def test_ten_thousand_files_are_read_in_bounded_time_and_memory(work):
    for number in range(10_000):
        (work / "workloads" / f"w{number}.yaml").write_text(workload(f"w{number}"))
    problems, seconds, memory = validate(work)
    assert problems == []
    assert seconds < 60
    assert memory < 2 * KIBIBYTES


def test_a_sparse_file_of_many_gigabytes_is_not_taken_into_memory(work):
    with (work / "workloads" / "bad.yaml").open("wb") as file:
        file.truncate(2 * 1024**3)
    (problem,), seconds, memory = validate(work)
    assert (problem["code"], problem["found"]) == ("FileTooLarge", "2147483648 bytes")
    assert seconds < SECONDS
    assert memory < KIBIBYTES
