from __future__ import annotations

import gc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.documents import (
    ALL_SCHEMAS,
    FakeKind,
    MemoryCache,
    Repo,
    codes,
    context,
    desired,
    places,
    reader,
    workload,
)

from agent.core.desired import build_desired_state
from agent.core.documents import DocumentLoader
from agent.core.kinds import Finding
from agent.core.problems import Severity
from agent.core.tree import TreeFile
from agent.core.values import default_id

GOOD = {"workloads/good.yaml": workload("good")}


def test_good_documents_give_workloads_sorted_by_name():
    state = desired({"workloads/1.yaml": workload("b"), "workloads/2.yaml": workload("a") + "---\n" + workload("c")})
    assert list(state.workloads) == ["a", "b", "c"]
    assert (state.problems, state.invalid, state.complete, state.readable) == ((), {}, True, True)
    assert state.revision == "a" * 40


@pytest.mark.parametrize(
    "bad",
    [
        "kind: Workload\nname: bad\n",
        "kind: Workload\nname: bad\nsource: {kind: image, image: x, prot: 1}\n",
        "kind: Worklod\nname: bad\nsource: {kind: image, image: x}\n",
        workload("bad", "depends_on: [nobody]\n"),
        workload("bad", "publish: ['99999:1']\n"),
        workload("bad", "volumes: [{source: /etc, target: /etc, scope: absolute}]\n"),
    ],
)
def test_a_bad_document_blocks_no_other_and_is_protected(bad):
    state = desired(GOOD | {"workloads/bad.yaml": bad})
    assert list(state.workloads) == ["good"]
    assert state.invalid == {default_id("bad"): "bad"}
    assert state.protected == {"bad", default_id("bad")}
    assert (state.complete, state.readable) == (True, True)


def test_the_id_that_a_bad_document_states_is_protected():
    state = desired(GOOD | {"workloads/bad.yaml": "kind: Workload\nname: bad\nid: abcd1234\n"})
    assert state.invalid == {"abcd1234": "bad"}


def test_a_bad_document_of_another_host_is_protected_but_not_shown_here():
    state = desired(GOOD | {"workloads/bad.yaml": "kind: Workload\nname: bad\nhosts: [edge-2]\n"})
    assert (state.invalid, state.protected) == ({}, {"bad", default_id("bad")})
    assert codes(state.problems) == ["MissingField"]


@pytest.mark.parametrize("hosts", ["edge-2", "[5]", "[]"])
def test_a_bad_document_whose_hosts_cannot_be_read_may_be_of_this_host(hosts):
    state = desired(GOOD | {"workloads/bad.yaml": f"kind: Workload\nname: bad\nhosts: {hosts}\n"})
    assert state.invalid == {default_id("bad"): "bad"}


def test_workloads_of_other_hosts_are_known_by_their_id():
    state = desired(GOOD | {"workloads/far.yaml": workload("far", "hosts: [edge-2]\n")})
    assert (list(state.workloads), state.elsewhere) == (["good"], {default_id("far")})


def test_the_hosts_of_the_defaults_hold_where_a_workload_names_none():
    settings_text = "kind: Settings\nname: s\ndefaults: {hosts: [edge-2]}\n"
    files = {"settings.yaml": settings_text, "workloads/mine.yaml": workload("mine", "hosts: [edge-1]\n")}
    state = desired(GOOD | files | {"workloads/bad.yaml": "kind: Workload\nname: bad\n"})
    assert (list(state.workloads), state.elsewhere, state.invalid) == (["mine"], {default_id("good")}, {})


@pytest.mark.parametrize(
    "bad",
    [
        "kind: Workload\nsource: {kind: image, image: x}\n",
        "kind: Workload\nname: Not A Name\n",
        "- a\n- list\n",
        "name: 5\n",
        "a: [\n",
        b"\xff",
        TreeFile(path="workloads/bad.yaml", blob_id="1", size=5, kind="symlink"),
    ],
)
def test_what_cannot_be_named_withholds_pruning(bad):
    state = desired(GOOD | {"workloads/bad.yaml": bad})
    assert (state.complete, state.readable, list(state.workloads)) == (False, True, ["good"])


@pytest.mark.parametrize("kind", ["Registry", "Trigger"])
def test_a_nameless_document_of_another_kind_hides_no_workload(kind):
    state = desired(GOOD | {"workloads/bad.yaml": f"kind: {kind}\n"})
    assert (state.complete, state.protected) == (True, frozenset())


def test_workloads_behind_a_syntax_error_are_guessed_from_the_text():
    text = (
        workload("first")
        + '---\nkind: Workload\nname: "second"  # ours\nid: abcd1234\nenv: [\n---\nkind: Workload\nname: third\n'
    )
    state = desired({"workloads/a.yaml": text})
    assert list(state.workloads) == ["first"]
    assert state.invalid == {"abcd1234": "second", default_id("third"): "third"}
    assert (state.complete, state.problems[0].name) == (False, None)


def test_a_single_broken_workload_is_named_by_the_problem():
    state = desired(GOOD | {"workloads/bad.yaml": "kind: Workload\nname: bad\nenv:\n\tA: b\n"})
    (problem,) = state.problems
    assert (problem.kind, problem.name, problem.code) == ("Workload", "bad", "TabIndentation")
    assert places([problem]) == [("workloads/bad.yaml", 4, 1)]
    assert state.invalid == {default_id("bad"): "bad"}


def test_a_broken_registry_is_no_invalid_workload():
    state = desired(GOOD | {"registries/r.yaml": "kind: Registry\nname: r\nhost: [\n"})
    assert (state.invalid, state.complete) == ({}, False)


def test_nothing_can_be_read_where_nothing_can_be_named():
    state = desired({"workloads/a.yaml": "a: [\n", "workloads/b.yaml": b"\xff"})
    assert state.readable is False


def test_a_tree_that_is_missing_cannot_be_read():
    repo = Repo({})
    state = reader().read(repo.tree(missing="the branch main does not exist"), repo.read_blob)
    assert (state.readable, state.problems[0].found) == (False, "the branch main does not exist")


def test_an_empty_repository_can_be_read_and_is_warned_about():
    state = desired({"README.md": "hello"})
    assert (state.readable, state.complete, codes(state.problems)) == (True, True, ["NoDocuments"])
    assert state.problems[0].severity is Severity.WARNING


def test_an_empty_file_is_warned_about():
    state = desired(GOOD | {"workloads/empty.yaml": "# nothing\n"})
    assert [(one.code, one.severity) for one in state.problems] == [("EmptyFile", Severity.WARNING)]
    assert state.complete is True


@pytest.mark.parametrize(
    "text",
    [
        "kind: Settings\nname: s\ndefault_netwrk: a\n",
        "kind: Settings\nname: s\ndefaults: [\n",
        "kind: Settings\nname: s\n---\nkind: Settings\nname: t\n",
        "kind: Setings\nname: s\n",
        "- a\n",
    ],
)
def test_settings_that_cannot_be_used_make_the_commit_unreadable(text):
    assert desired(GOOD | {"settings.yaml": text}).readable is False


def test_a_bad_workload_in_the_settings_file_is_only_a_bad_workload():
    state = desired(GOOD | {"settings.yaml": "kind: Settings\nname: s\n---\nkind: Workload\nname: bad\n"})
    assert (state.readable, list(state.invalid.values())) == (True, ["bad"])


def test_settings_elsewhere_are_refused_and_not_used():
    state = desired(GOOD | {"workloads/s.yaml": "kind: Settings\nname: s\ndefaults: {prune: false}\n"})
    assert (codes(state.problems), state.readable) == (["MisplacedSettings"], True)
    assert state.workloads["good"].prune is True


def test_a_second_settings_document_is_refused():
    state = desired({"settings.yaml": "kind: Settings\nname: s\n---\nkind: Settings\nname: s\n"})
    (problem,) = state.problems
    assert (problem.code, problem.found, problem.position.line) == ("MisplacedSettings", "another one, after line 1", 4)


def test_what_a_source_kind_finds_is_placed():
    finding = Finding(pointer="/source/image", code="Bad", expected="e", found="f", fix="x")
    warning = Finding(pointer="/source", code="Odd", expected="e", found="f", fix="x", severity=Severity.WARNING)
    kind = FakeKind(findings={"a": [finding], "b": [warning]})
    state = desired({f"workloads/{name}.yaml": workload(name) for name in "ab"}, kinds={"image": kind})
    assert places(state.problems) == [("workloads/a.yaml", 3, 23), ("workloads/b.yaml", 3, 1)]
    assert (list(state.workloads), list(state.invalid.values())) == (["b"], ["a"])


def test_what_is_known_to_be_wrong_is_not_told_twice():
    again = Finding(pointer="/volumes/0/source", code="Again", expected="e", found="f", fix="x")
    more = Finding(pointer="/source", code="More", expected="e", found="f", fix="x")
    text = workload("a", "volumes: [{source: /etc, target: /etc, scope: absolute}]\n")
    state = desired({"workloads/a.yaml": text}, kinds={"image": FakeKind(findings={"a": [again, more]})})
    assert codes(state.problems) == ["More", "ForbiddenPath"]


def test_a_source_kind_is_asked_again_only_when_what_it_may_see_has_changed():
    kind = FakeKind()
    repo = Repo({f"workloads/{name}.yaml": workload(name) for name in "abc"})
    reading = reader(kinds={"image": kind})

    def asked() -> list[str]:
        kind.checked.clear()
        reading.read(repo.tree(), repo.read_blob)
        return kind.checked

    assert asked() == ["a", "b", "c"]
    assert asked() == []
    repo.put("workloads/b.yaml", workload("b", image="other"))
    assert asked() == ["b"]
    repo.put("registries/r.yaml", "kind: Registry\nname: r\nhost: h\n")
    assert asked() == ["a", "b", "c"]
    repo.remove("workloads/c.yaml")
    assert asked() == ["a", "b"]


def test_a_schema_without_its_source_kind_is_an_older_agent():
    state = desired(GOOD, kinds={})
    assert codes(state.problems) == ["UnknownSourceKind"]
    assert list(state.invalid.values()) == ["good"]


def test_problems_are_sorted_as_the_files_read():
    state = desired(
        {
            "workloads/b.yaml": workload("b", "zzzz: 1\nsuspend: ja\n"),
            "workloads/a.yaml": workload("a", "parent: nobody\n"),
            "registries/z.yaml": "kind: Registry\nname: z\n",
        }
    )
    assert places(state.problems) == [
        ("registries/z.yaml", 1, 1),
        ("workloads/a.yaml", 4, 1),
        ("workloads/b.yaml", 4, 1),
        ("workloads/b.yaml", 5, 1),
    ]


def test_a_fix_in_one_file_heals_only_what_it_concerns():
    repo = Repo(
        GOOD
        | {
            "workloads/a.yaml": workload("a", "publish: ['80:80']\n"),
            "workloads/b.yaml": workload("b", "publish: ['80:80']\n"),
        }
    )
    reading = reader()
    assert list(reading.read(repo.tree(), repo.read_blob).workloads) == ["good"]
    repo.put("workloads/b.yaml", workload("b", "publish: ['81:80']\n"))
    state = reading.read(repo.tree(), repo.read_blob)
    assert (list(state.workloads), state.problems) == (["a", "b", "good"], ())


def test_a_restart_says_the_same():
    cache = MemoryCache()
    repo = Repo(
        GOOD
        | {"workloads/bad.yaml": workload("bad", "parent: x\nenv: {A: {secret: s}}\n"), "workloads/c.yaml": "a: [\n"}
    )
    first = reader(cache).read(repo.tree(), repo.read_blob)
    assert reader(cache).read(repo.tree(), repo.read_blob) == first
    loaded = DocumentLoader(ALL_SCHEMAS, cache).load(repo.tree(), repo.read_blob)
    assert build_desired_state(loaded, context()) == first


@pytest.mark.parametrize("enabled", [True, False])
def test_reading_leaves_the_collector_as_it_was(enabled):
    before = gc.isenabled()
    try:
        gc.enable() if enabled else gc.disable()
        desired(GOOD)
        assert gc.isenabled() is enabled
    finally:
        gc.enable() if before else gc.disable()


def test_a_failing_read_is_passed_on_and_leaves_the_collector_on():
    def broken(blob_id: str) -> bytes:
        raise ConnectionError(blob_id)

    with pytest.raises(ConnectionError):
        reader().read(Repo(GOOD).tree(), broken)
    assert gc.isenabled()


LINES = {
    "kind": "kind: Workload",
    "name": "name: shop",
    "hosts": "hosts: [edge-1, edge-2]",
    "source": "source: {kind: image, image: nginx, tag: '1.2', labels: {a: b, c: d}}",
    "env": "env: {B: x, A: {secret: s}}",
    "publish": "publish: ['8080:80']",
    "volumes": "volumes: [{source: d, target: /d}]",
    "prune": "prune: false",
}
BLOCKS = LINES | {
    "hosts": "hosts:\n- edge-1   # first\n- 'edge-2'",
    "source": 'source:\n    labels: {c: "d", a: "b"}\n    tag: "1.2"\n    image: nginx\n    kind: image',
    "env": "env:\n  A:\n    secret: s\n  B: 'x'",
    "volumes": 'volumes:\n  - target: "/d"\n    source: d\n    scope: project',
}


@given(st.permutations(list(LINES)), st.lists(st.booleans(), min_size=8, max_size=8), st.booleans())
@settings(max_examples=100, deadline=None)
def test_reformatting_and_reordering_change_nothing_but_places(order, styles, moved):
    plain = desired({"workloads/a.yaml": "\n".join(LINES.values())}).workloads["shop"]
    text = "\n# comment\n".join((BLOCKS if style else LINES)[key] for key, style in zip(order, styles, strict=True))
    path = "workloads/deep/b.yml" if moved else "workloads/a.yaml"
    other = desired({path: text}).workloads["shop"]
    same = ("name", "id", "hosts", "env", "publish", "volumes", "prune")
    assert all(getattr(plain, field) == getattr(other, field) for field in same)
    assert plain.source.raw == other.source.raw
