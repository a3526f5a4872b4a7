from __future__ import annotations

import json

import pytest
from support.documents import ALL_SCHEMAS, MemoryCache, Repo, workload

from agent.core.documents import DocumentLoader, holds_documents
from agent.core.parsed import from_bytes, parse_file, to_bytes
from agent.core.schemas import Schemas
from agent.core.tree import TooLarge, Tree, TreeFile
from agent.schema_files import schemas


def repo_of(count: int) -> Repo:
    return Repo({f"workloads/w{number}.yaml": workload(f"w{number}") for number in range(count)})


@pytest.mark.parametrize(
    ("path", "read"),
    [
        ("settings.yaml", True),
        ("workloads/a.yaml", True),
        ("workloads/deep/er/a.yml", True),
        ("triggers/a.yaml", True),
        ("registries/a.yaml", True),
        ("log-rules/a.yaml", True),
        ("event-triggers/a.yaml", True),
        ("settings.yml", False),
        ("sub/settings.yaml", False),
        ("workloads/README.md", False),
        ("workloads.yaml", False),
        ("compose/a.yaml", False),
        ("other/workloads/a.yaml", False),
    ],
)
def test_only_the_named_folders_are_read(path, read):
    assert holds_documents(path) is read


def test_a_commit_that_touches_one_file_parses_one_file():
    repo = repo_of(20)
    loader = DocumentLoader(ALL_SCHEMAS)
    first = loader.load(repo.tree(), repo.read_blob)
    assert loader.parsed_files == 20
    repo.put("workloads/w7.yaml", workload("w7", image="other"))
    repo.read.clear()
    second = loader.load(repo.tree(), repo.read_blob)
    assert loader.parsed_files == 21
    assert len(repo.read) == 1
    assert sum(old is new for old, new in zip(first.files, second.files, strict=True)) == 19


def test_a_file_that_moves_is_not_parsed_again():
    repo = repo_of(1)
    loader = DocumentLoader(ALL_SCHEMAS)
    loader.load(repo.tree(), repo.read_blob)
    repo.put("workloads/new.yaml", workload("w0"))
    repo.remove("workloads/w0.yaml")
    loaded = loader.load(repo.tree(), repo.read_blob)
    assert loader.parsed_files == 1
    assert [file.path for file in loaded.files] == ["workloads/new.yaml"]


def test_equal_files_are_parsed_once():
    repo = Repo({"workloads/a.yaml": workload("a"), "workloads/b.yaml": workload("a")})
    loader = DocumentLoader(ALL_SCHEMAS)
    assert len(loader.load(repo.tree(), repo.read_blob).files) == 2
    assert loader.parsed_files == 1


def test_after_a_restart_nothing_is_read_or_parsed():
    cache, repo = MemoryCache(), repo_of(5)
    repo.put("workloads/bad.yaml", "kind: Workload\nname: bad\n")
    repo.put("workloads/broken.yaml", "kind: Workload\nname: broken\nsource: [\n")
    before = DocumentLoader(ALL_SCHEMAS, cache).load(repo.tree(), repo.read_blob)
    repo.read.clear()
    loader = DocumentLoader(ALL_SCHEMAS, cache)
    after = loader.load(repo.tree(), repo.read_blob)
    assert (loader.parsed_files, repo.read) == (0, [])
    assert [file.parsed for file in after.files] == [file.parsed for file in before.files]


def test_an_agent_with_other_schemas_does_not_trust_what_was_kept():
    cache, repo = MemoryCache(), repo_of(2)
    DocumentLoader(ALL_SCHEMAS, cache).load(repo.tree(), repo.read_blob)
    changed = {name: dict(schema) for name, schema in schemas().items()}
    changed["workload"]["required"] = ["kind", "name", "source", "description"]
    loader = DocumentLoader(Schemas(changed), cache)
    assert not loader.load(repo.tree(), repo.read_blob).files[0].parsed.documents[0].usable
    assert loader.parsed_files == 2


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"\xff",
        b"{}",
        b"[1]",
        b"[" * 100_000,
        b"[[[1]],null,[]]",
        b'[[["Workload","a",1,1,[],[],[]]],null,[]]',
        b"[[],[1],[]]",
        b"1,2",
        b"]",
        b"null",
        b'[[],[1,1,"A","b","c","d","","sideways"],[]]',
    ],
)
def test_a_damaged_cache_means_reading_again(damage):
    cache, repo = MemoryCache(), repo_of(3)
    before = DocumentLoader(ALL_SCHEMAS, cache).load(repo.tree(), repo.read_blob)
    cache.kept[sorted(cache.kept)[1]] = damage
    loader = DocumentLoader(ALL_SCHEMAS, cache)
    after = loader.load(repo.tree(), repo.read_blob)
    assert [file.parsed for file in after.files] == [file.parsed for file in before.files]
    assert loader.parsed_files in {1, 3}


def test_what_is_kept_is_json():
    kept = to_bytes(parse_file(workload("web").encode(), ALL_SCHEMAS))
    assert json.loads(kept)[0][0][:2] == ["Workload", "web"]
    assert from_bytes([kept]) == [parse_file(workload("web").encode(), ALL_SCHEMAS)]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (TreeFile(path="workloads/a.yaml", blob_id="1", size=3, kind="symlink"), "Symlink"),
        (TreeFile(path="workloads/a.yaml", blob_id="1", size=0, kind="submodule"), "NotAFile"),
        (TreeFile(path="workloads/a.yaml", blob_id="1", size=50 * 1024**2), "FileTooLarge"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n", "LfsPointer"),
    ],
)
def test_what_is_no_readable_file_is_said_without_reading_it(content, code):
    repo = Repo({"workloads/a.yaml": content})
    loaded = DocumentLoader(ALL_SCHEMAS).load(repo.tree(), repo.read_blob)
    assert loaded.files[0].parsed.stop.code == code
    assert len(repo.read) == (0 if isinstance(content, TreeFile) else 1)


def test_a_link_in_the_place_of_a_folder_of_documents_is_named():
    link = TreeFile(path="registries", blob_id="1", size=0, kind="symlink")
    harmless = TreeFile(path="workloads/README", blob_id="2", size=0, kind="symlink")
    tree = Tree(revision="r", files=(link, harmless))
    (loaded,) = DocumentLoader(ALL_SCHEMAS).load(tree, lambda _: b"").files
    assert (loaded.path, loaded.parsed.stop.code) == ("registries", "Symlink")


def test_a_blob_that_turns_out_too_large_is_named_with_its_size_and_not_read_again():
    reads = []

    def read_blob(blob_id: str) -> bytes:
        reads.append(blob_id)
        raise TooLarge(50 * 1024**2)

    cache = MemoryCache()
    tree = Tree(revision="r", files=(TreeFile(path="workloads/a.yaml", blob_id="1", size=None),))
    for _ in range(2):
        (loaded,) = DocumentLoader(ALL_SCHEMAS, cache).load(tree, read_blob).files
        assert (loaded.parsed.stop.code, loaded.parsed.stop.found) == ("FileTooLarge", "52428800 bytes")
    assert reads == ["1"]


def test_a_refused_file_does_not_stand_for_a_readable_one_of_the_same_content():
    repo = repo_of(1)
    blob_id = repo.files["workloads/w0.yaml"].blob_id
    repo.put("workloads/a.yaml", TreeFile(path="workloads/a.yaml", blob_id=blob_id, size=3, kind="symlink"))
    loader = DocumentLoader(ALL_SCHEMAS)
    loader.load(repo.tree(), repo.read_blob)
    repo.put("workloads/b.yaml", workload("w0"))
    loaded = loader.load(repo.tree(), repo.read_blob)
    assert [file.parsed.stop is None for file in loaded.files] == [False, True, True]


def test_the_documents_of_a_tree_are_given_in_order():
    repo = Repo({"workloads/b.yaml": workload("b"), "workloads/a.yaml": workload("a") + "---\n" + workload("c")})
    loaded = DocumentLoader(ALL_SCHEMAS).load(repo.tree(), repo.read_blob)
    assert [document.name for document in loaded.documents] == ["a", "c", "b"]


def test_places_inside_a_document_are_found_when_they_are_asked_for():
    text = workload("a") + "---\n" + workload("b", "hosts:\n  - edge-1\n  - edge-2\nenv: {A: b}\n")
    repo = Repo({"workloads/a.yaml": text})
    (file,) = DocumentLoader(ALL_SCHEMAS).load(repo.tree(), repo.read_blob).files
    document = file.parsed.documents[1]
    assert len(repo.read) == 1
    found = [file.position(document, pointer) for pointer in ("", "/env", "/hosts/1", "/hosts/9", "/env/A", "/no/such")]
    assert [(one.line, one.column) for one in found] == [(5, 1), (11, 1), (10, 5), (8, 1), (11, 7), (5, 1)]
    assert len(repo.read) == 2
