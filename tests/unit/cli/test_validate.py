from __future__ import annotations

import json

import pygit2
import pytest
from support.documents import workload

from agent.cli.main import main

BAD = "kind: Workload\nname: bad\nsource:\n  kind: image\n  image: nginx\n  prot: 8080\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "config" / "workloads").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    put(tmp_path, "web", workload("web"))
    return tmp_path


def put(root, name: str, text: str) -> None:
    (root / "config" / "workloads" / f"{name}.yaml").write_text(text, encoding="utf-8")


def commit(root) -> str:
    repository = pygit2.init_repository(str(root / "config"))
    repository.index.add_all()
    person = pygit2.Signature("a", "a@example.com")
    parents = [] if repository.head_is_unborn else [repository.head.target]
    tree = repository.index.write_tree()
    return str(repository.create_commit("HEAD", person, person, "message", tree, parents))


def test_a_good_folder_has_no_problems(folder, capsys):
    assert main(["validate", "config"]) == 0
    assert capsys.readouterr().out == "no problems in 1 document, 1 file\n"


def test_problems_are_printed_and_exit_with_one(folder, capsys):
    put(folder, "bad", BAD)
    assert main(["validate", "config"]) == 1
    first, closing = capsys.readouterr().out.splitlines()
    assert first.startswith("workloads/bad.yaml:6:3: error: source.prot: expected one of kind, image, tag")
    assert first.endswith("found unknown field `prot`; did you mean `port`?")
    assert closing == "1 error, 0 warnings in 2 documents, 2 files"


def test_warnings_exit_with_zero(folder, capsys):
    put(folder, "web", workload("web", "faces: [{host: a.b, port: 80}]\n"))
    assert main(["validate", "config"]) == 0
    assert "warning: faces:" in capsys.readouterr().out


def test_json_is_a_list_of_problems(folder, capsys):
    put(folder, "bad", BAD)
    assert main(["validate", "config", "--format", "json"]) == 1
    (problem,) = json.loads(capsys.readouterr().out)
    assert (problem["path"], problem["line"], problem["pointer"]) == ("workloads/bad.yaml", 6, "/source/prot")


def test_annotations_name_files_from_where_the_command_runs(folder, capsys):
    put(folder, "bad", BAD)
    main(["validate", "config", "--format", "github"])
    assert capsys.readouterr().out.startswith("::error file=config/workloads/bad.yaml,line=6,col=3,")


def test_annotations_of_a_good_folder_are_nothing_at_all(folder, capsys):
    assert main(["validate", "config", "--format", "github"]) == 0
    assert capsys.readouterr().out == ""


def test_a_folder_of_the_repository_is_read_by_its_path(folder, capsys):
    assert main(["validate", "--path", "config"]) == 0
    assert "1 document" in capsys.readouterr().out


def test_a_ref_is_read_instead_of_the_files(folder, capsys):
    first = commit(folder)
    put(folder, "bad", BAD)
    assert main(["validate", "config", "--ref", "HEAD"]) == 0
    assert main(["validate", "config"]) == 1
    commit(folder)
    assert main(["validate", "config", "--ref", "HEAD"]) == 1
    assert main(["validate", "config", "--ref", first]) == 0
    capsys.readouterr()


def test_an_unknown_ref_is_said(folder, capsys):
    commit(folder)
    assert main(["validate", "config", "--ref", "nothing"]) == 1
    assert "nothing" in capsys.readouterr().err


@pytest.mark.parametrize(("path", "found"), [("nowhere", "nothing"), ("config/workloads/web.yaml", "a file")])
def test_what_is_no_folder_is_said(folder, capsys, path, found):
    assert main(["validate", path]) == 1
    assert f"expected a folder at {path}, found {found}" in capsys.readouterr().err


def test_every_named_host_is_looked_at_unless_one_is_asked_for(folder, capsys):
    for name in "ab":
        put(folder, name, workload(name, "hosts: [edge-1]\npublish: ['80:80']\n"))
    assert main(["validate", "config"]) == 1
    assert capsys.readouterr().out.count("PortTaken") == 0
    assert main(["validate", "config", "--host", "edge-2"]) == 0
    put(folder, "b", workload("b", "hosts: [edge-3]\npublish: ['80:80']\n"))
    assert main(["validate", "config"]) == 0
    capsys.readouterr()


def test_the_policy_of_a_host_is_known_from_its_settings_only(folder, capsys):
    put(folder, "web", workload("web", "volumes: [{source: /srv/a, target: /a, scope: absolute}]\n"))
    (folder / "host.yaml").write_text("repo: {url: https://example.com/x}\nhost: edge-1\n", encoding="utf-8")
    assert main(["validate", "config"]) == 0
    assert main(["validate", "config", "--config", "host.yaml"]) == 1
    allowed = "repo: {url: https://example.com/x}\nhost: edge-1\npolicy: {allowed_volume_paths: [/srv]}\n"
    (folder / "host.yaml").write_text(allowed, encoding="utf-8")
    assert main(["validate", "config", "--config", "host.yaml"]) == 0
    capsys.readouterr()
