from __future__ import annotations

import pytest
from support.documents import ALL_SCHEMAS, Repo, codes, desired, places, workload

from agent.core.documents import DocumentLoader
from agent.core.policy import HostPolicy
from agent.core.problems import Severity
from agent.core.validation.hosts import host_patterns, runs_on, stand_ins


def volume(source: str, scope: str, target: str = "/data") -> str:
    return workload("web", f"volumes: [{{source: '{source}', target: '{target}', scope: {scope}}}]\n")


def problem_of(text: str, **policy: object):
    problems = desired({"workloads/web.yaml": text}, policy=HostPolicy(**policy)).problems
    return problems[0] if problems else None


@pytest.mark.parametrize(
    ("source", "allowed"),
    [
        ("/srv", True),
        ("/srv/web", True),
        ("//srv/web/", True),
        ("/srv/a/../b", True),
        ("/srv/../etc", False),
        ("/srvdata", False),
        ("/etc", False),
        ("/", False),
    ],
)
def test_absolute_volumes_lie_below_what_the_host_allows(source, allowed):
    problem = problem_of(volume(source, "absolute"), allowed_volume_paths=("/srv/",), docker_socket=True)
    assert (problem is None) == allowed
    assert problem is None or (problem.code, problem.pointer) == ("ForbiddenPath", "/volumes/0/source")


def test_everything_may_be_allowed():
    assert problem_of(volume("/etc", "absolute"), allowed_volume_paths=("/",)) is None


def test_a_host_that_allows_nothing_says_so():
    problem = problem_of(volume("/etc", "absolute"))
    assert "this host allows none" in problem.expected
    assert "policy.allowed_volume_paths" in problem.fix


@pytest.mark.parametrize(
    "path", ["/var/run/docker.sock", "/run/docker.sock", "/var/run", "/run", "/", "/var/run/../run"]
)
def test_the_docker_socket_is_not_reached_without_leave(path):
    problem = problem_of(volume(path, "absolute"), allowed_volume_paths=("/",))
    assert (problem.code, "docker_socket" in problem.fix) == ("ForbiddenPath", True)


def test_the_docker_socket_may_be_allowed_by_itself():
    assert problem_of(volume("/var/run/docker.sock", "absolute"), docker_socket=True) is None


@pytest.mark.parametrize(
    ("source", "scope", "code"),
    [
        ("data", "absolute", "InvalidPath"),
        ("/a:b", "absolute", "InvalidPath"),
        ("/data", "project", "InvalidPath"),
        ("../data", "stage", "InvalidPath"),
        ("a/../../b", "instance", "InvalidPath"),
        ("a:b", "project", "InvalidPath"),
        ("a/b", "named", "InvalidVolumeName"),
        ("-a", "project_named", "InvalidVolumeName"),
        ("data", "project", None),
        ("a/b..c", "stage", None),
        ("data.1", "named", None),
        ("anything", "ephemeral", None),
    ],
)
def test_the_source_of_a_volume_fits_its_scope(source, scope, code):
    problem = problem_of(volume(source, scope))
    assert (problem and problem.code) == code


@pytest.mark.parametrize("scope", ["absolute", "project", "named"])
def test_only_ephemeral_volumes_need_no_source(scope):
    problem = problem_of(workload("web", f"volumes: [{{target: /data, scope: {scope}}}]\n"))
    assert problem.found == "none"


@pytest.mark.parametrize("target", ["/", "//", "/a/..", "/a:b"])
def test_a_volume_has_a_target_of_its_own(target):
    assert problem_of(volume("data", "project", target)).code == "InvalidTarget"


def test_two_volumes_cannot_share_a_target():
    text = workload("web", "volumes:\n- {source: a, target: /data}\n- {source: b, target: /data/}\n")
    problem = problem_of(text)
    assert (problem.code, problem.pointer, problem.position.line) == ("DuplicateTarget", "/volumes/1/target", 6)


def clash(first: str, second: str) -> list[str]:
    state = desired(
        {
            "workloads/a.yaml": workload("a", f"publish: ['{first}']\n"),
            "workloads/b.yaml": workload("b", f"publish: ['{second}']\n"),
        }
    )
    assert set(codes(state.problems)) <= {"PortTaken"}
    return sorted(state.invalid.values())


@pytest.mark.parametrize(
    ("first", "second", "rivals"),
    [
        ("8080:80", "8080:81", True),
        ("8080:80", "127.0.0.1:8080:80", True),
        ("[::]:8080:80", "127.0.0.1:8080:80", True),
        ("127.0.0.1:8080:80", "127.0.0.1:8080:81", True),
        ("127.0.0.1:8080:80", "127.0.0.2:8080:80", False),
        ("8080:80", "8080:80/udp", False),
        ("8080:80", "8081:80", False),
    ],
)
def test_a_port_of_the_host_is_published_once(first, second, rivals):
    assert clash(first, second) == (["a", "b"] if rivals else [])


def test_a_workload_cannot_publish_a_port_twice():
    state = desired({"workloads/a.yaml": workload("a", "publish: ['80:1', '80:2']\n")})
    assert [problem.found for problem in state.problems] == ["*:80/tcp, which this workload itself publishes too"] * 2


def test_a_clash_names_the_rival():
    state = desired({f"workloads/{name}.yaml": workload(name, "publish: ['127.0.0.1:80:1']\n") for name in ("a", "b")})
    assert state.problems[0].found == "127.0.0.1:80/tcp, which workload `b` publishes too"


def test_workloads_of_different_hosts_do_not_clash():
    state = desired(
        {
            "workloads/a.yaml": workload("a", "publish: ['80:1']\nfaces: [{host: a.b, port: 1}]\nhosts: [edge-1]\n"),
            "workloads/b.yaml": workload("b", "publish: ['80:1']\nfaces: [{host: a.b, port: 1}]\nhosts: [edge-2]\n"),
        }
    )
    assert state.invalid == {}


def test_a_face_is_claimed_once():
    state = desired(
        {
            "workloads/a.yaml": workload("a", "faces: [{host: A.b, port: 1, path: /x/}]\n"),
            "workloads/b.yaml": workload("b", "faces: [{host: a.b, port: 1}, {host: a.b, port: 2, path: /x}]\n"),
        }
    )
    taken = [problem for problem in state.problems if problem.code == "FaceTaken"]
    assert [(one.name, one.pointer) for one in taken] == [("a", "/faces/0"), ("b", "/faces/1")]
    assert taken[1].found == "a.b/x, which workload `a` claims too"


def test_a_workload_cannot_claim_a_face_twice():
    state = desired({"workloads/a.yaml": workload("a", "faces: [{host: a.b, port: 1}, {host: a.b, port: 2}]\n")})
    found = [problem.found for problem in state.problems if problem.code == "FaceTaken"]
    assert found == ["a.b/, which this workload itself claims too"] * 2


def test_references_lead_somewhere():
    state = desired(
        {"workloads/a.yaml": workload("a", "parent: stagin\ndepends_on: [dba]\n"), "workloads/b.yaml": workload("db")}
    )
    assert [(one.code, one.pointer, one.fix) for one in state.problems] == [
        ("UnknownWorkload", "/parent", "add such a workload, or remove the reference"),
        ("UnknownWorkload", "/depends_on/0", "did you mean `db`?"),
    ]
    assert list(state.workloads) == ["db"]


@pytest.mark.parametrize(
    "other",
    [workload("db", "hosts: [edge-2]\n"), "kind: Workload\nname: db\n", "kind: Workload\nname: db\nsource: [\n"],
)
def test_what_runs_elsewhere_or_is_invalid_still_exists(other):
    state = desired({"workloads/a.yaml": workload("a", "depends_on: [db]\n"), "workloads/db.yaml": other})
    assert list(state.workloads) == ["a"]


def test_nothing_depends_on_itself():
    texts = {"a": "[b]", "b": "[x, c]", "c": "[a]", "d": "[a]", "x": "[]", "e": "[e]"}
    files = {f"workloads/{name}.yaml": workload(name, f"depends_on: {after}\n") for name, after in texts.items()}
    state = desired(files)
    found = {problem.name: (problem.pointer, problem.found) for problem in state.problems}
    assert found == {
        "a": ("/depends_on/0", "a → b → c → a"),
        "b": ("/depends_on/1", "b → c → a → b"),
        "c": ("/depends_on/0", "c → a → b → c"),
        "e": ("/depends_on/0", "e → e"),
    }
    assert sorted(state.workloads) == ["d", "x"]


def test_nobody_is_an_ancestor_of_itself():
    files = {f"workloads/{name}.yaml": workload(name, f"parent: {up}\n") for name, up in (("a", "b"), ("b", "a"))}
    state = desired(files | {"workloads/c.yaml": workload("c", "parent: a\n")})
    assert [(one.name, one.pointer, one.code) for one in state.problems] == [
        ("a", "/parent", "Cycle"),
        ("b", "/parent", "Cycle"),
    ]


def test_a_long_chain_is_no_cycle():
    files = {f"workloads/w{n}.yaml": workload(f"w{n}", f"depends_on: [w{n + 1}]\n") for n in range(30)}
    assert desired(files | {"workloads/last.yaml": workload("w30")}).problems == ()


def test_a_name_is_used_once_within_its_kind():
    state = desired(
        {
            "workloads/a.yaml": workload("web"),
            "workloads/b.yaml": "\n" + workload("web"),
            "workloads/c.yaml": workload("c"),
        }
    )
    assert [(one.code, one.found) for one in state.problems] == [
        ("DuplicateName", "the same at workloads/b.yaml:3"),
        ("DuplicateName", "the same at workloads/a.yaml:2"),
    ]
    assert places(state.problems) == [("workloads/a.yaml", 2, 1), ("workloads/b.yaml", 3, 1)]
    assert (list(state.workloads), list(state.invalid.values())) == (["c"], ["web"])


def test_an_invalid_document_takes_its_name_too():
    state = desired({"workloads/a.yaml": workload("web"), "workloads/b.yaml": "kind: Workload\nname: web\n"})
    assert sorted(codes(state.problems)) == ["DuplicateName", "DuplicateName", "MissingField"]
    assert state.workloads == {}


def test_different_kinds_may_share_a_name():
    state = desired({"workloads/a.yaml": workload("web"), "registries/a.yaml": "kind: Registry\nname: web\nhost: h\n"})
    assert state.problems == ()


def test_registries_of_one_name_are_both_unusable():
    text = "kind: Registry\nname: r\nhost: h\n"
    assert desired({"registries/a.yaml": text, "registries/b.yaml": text}).registries == {}


def test_an_id_is_used_once():
    state = desired(
        {
            "workloads/a.yaml": workload("a", "id: abcd1234\n"),
            "workloads/b.yaml": workload("b", "id: abcd1234\n"),
            "workloads/c.yaml": workload("c", "id: abcd1235\n"),
        }
    )
    assert [(one.code, one.pointer) for one in state.problems] == [("DuplicateId", "/id")] * 2
    assert list(state.workloads) == ["c"]


@pytest.mark.parametrize(
    ("hosts", "mine"),
    [
        ((), True),
        (("edge-1",), True),
        (("EDGE-*",), True),
        (("edge-2", "edge-?"), True),
        (("edge-2",), False),
        (("edge",), False),
    ],
)
def test_hosts_are_names_and_globs(hosts, mine):
    assert runs_on(hosts, "Edge-1") is mine


def test_a_repository_is_looked_at_as_each_host_and_as_one_nobody_named():
    assert stand_ins(["edge-*", "db-1"]) == ("db-1", "edge-0", "any-host")
    assert stand_ins(["any-host"]) == ("any-host", "any-host-")


def test_the_hosts_of_defaults_count_and_unreadable_ones_do_not():
    repo = Repo(
        {
            "settings.yaml": "kind: Settings\nname: s\ndefaults: {hosts: [a]}\n",
            "workloads/b.yaml": workload("b", "hosts: [b, 5]\n"),
            "workloads/c.yaml": workload("c", "hosts: c\ndefaults: 1\n"),
        }
    )
    loaded = DocumentLoader(ALL_SCHEMAS).load(repo.tree(), repo.read_blob)
    assert list(host_patterns(loaded.documents)) == ["a", "b"]


@pytest.mark.parametrize(
    ("field", "pointer"),
    [
        ("faces: [{host: a.b, port: 1}]", "/faces"),
        ("release: {command: [a]}", "/release"),
        ("windows: [{allow: Mon}]", "/windows"),
        ("log_rules: {disable: [a]}", "/log_rules"),
        ("promotion: {via: none}", "/promotion"),
        ("update: {via: pull_request}", "/update/via"),
        ("on_failure: revert", "/on_failure"),
    ],
)
def test_what_this_version_leaves_aside_is_said(field, pointer):
    (problem,) = desired({"workloads/web.yaml": workload("web", f"{field}\n")}).problems
    assert (problem.code, problem.pointer, problem.severity) == ("NotActedOn", pointer, Severity.WARNING)


@pytest.mark.parametrize(
    ("field", "pointer"),
    [("windows: [{allow: Mon}]", "/defaults/windows"), ("update: {via: pull_request}", "/defaults/update/via")],
)
def test_what_is_left_aside_is_said_where_it_is_written_for_all_workloads(field, pointer):
    settings = f"kind: Settings\nname: s\ndefaults:\n  {field}\n"
    (problem,) = desired({"settings.yaml": settings, "workloads/web.yaml": workload("web")}).problems
    assert (problem.code, problem.pointer, problem.position.line) == ("NotActedOn", pointer, 4)


@pytest.mark.parametrize(
    "field",
    [
        "on_failure: hold",
        "triggers: []",
        "triggers: [{kind: manual}]",
        "update: {via: none}",
        "update: {via: commit}",
        "prune: false",
        "suspend: true",
    ],
)
def test_nothing_is_said_about_what_changes_nothing(field):
    assert desired({"workloads/web.yaml": workload("web", f"{field}\n")}).problems == ()


def test_settings_and_kinds_of_later_versions_are_left_aside_too():
    state = desired(
        {
            "settings.yaml": "kind: Settings\nname: s\nproxy: {tls: off}\nnotifications: [{url: {secret: u}}]\n",
            "log-rules/a.yaml": "kind: LogRule\nname: a\npattern: a\n",
        }
    )
    assert [(one.code, one.pointer) for one in state.problems] == [
        ("NotActedOn", ""),
        ("NotActedOn", "/proxy"),
        ("NotActedOn", "/notifications"),
    ]


def test_a_registry_that_the_host_does_not_allow_is_a_warning():
    registry = {"registries/r.yaml": "kind: Registry\nname: r\nhost: r.example.com:5000\n"}
    assert desired(registry, policy=HostPolicy(allowed_registries=("*.example.com",))).problems == ()
    assert desired(registry, policy=HostPolicy(allowed_registries=("*.example.com:5000",))).problems == ()
    (problem,) = desired(registry, policy=HostPolicy(allowed_registries=("docker.io",))).problems
    assert (problem.code, problem.severity, problem.pointer) == ("RegistryForbiddenByPolicy", Severity.WARNING, "/host")


def test_secrets_that_the_host_does_not_have_are_warnings():
    files = {
        "workloads/a.yaml": workload(
            "a", "env: {A: {secret: known}, B/C: x, D: {secret: gone}}\n".replace("B/C", "B.C")
        ),
        "workloads/b.yaml": workload("b", image="secret/image"),
        "workloads/c.yaml": workload("c", "env: {A: {secret: gone}}\nhosts: [edge-2]\n"),
        "registries/r.yaml": "kind: Registry\nname: r\nhost: h\nusername: u\npassword: {secret: gone}\n",
        "registries/s.yaml": "kind: Registry\nname: s\nhost: h\nusername: u\npassword: {secret: known}\n",
    }
    state = desired(files, has_secret=lambda name: name == "known")
    assert [(one.name, one.pointer, one.severity) for one in state.problems] == [
        ("r", "/password", Severity.WARNING),
        ("a", "/env/D", Severity.WARNING),
        ("b", "/source", Severity.WARNING),
    ]
    assert len(state.workloads) == 2
    assert desired(files).problems == ()
