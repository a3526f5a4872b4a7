from __future__ import annotations

import textwrap

import pytest
from support.documents import ALL_SCHEMAS, workload

from agent.core.parsed import parse_file
from agent.core.schema_errors import describe, join_pointer, split_pointer, suggest
from agent.core.schemas import Schemas

HIDDEN = "something else, which is not shown as it may be secret"


def flaws(text: str) -> list[tuple[str, str, int, int]]:
    """Code, pointer, line and column of everything that is wrong with one document."""
    parsed = parse_file(textwrap.dedent(text).lstrip("\n").encode(), ALL_SCHEMAS)
    assert parsed.stop is None
    return [(one.code, one.pointer, one.line, one.column) for one in parsed.documents[0].flaws]


def the_flaw(text: str):
    parsed = parse_file(textwrap.dedent(text).lstrip("\n").encode(), ALL_SCHEMAS)
    (flaw,) = parsed.documents[0].flaws
    return flaw


def test_an_unknown_field_names_the_known_ones_and_the_nearest():
    flaw = the_flaw(
        """
        kind: Workload
        name: web
        source:
          kind: image
          image: nginx
          prot: 8080
        """
    )
    assert (flaw.code, flaw.pointer, flaw.line, flaw.column) == ("UnknownField", "/source/prot", 6, 3)
    assert flaw.expected.startswith("one of kind, image, tag")
    assert flaw.found == "unknown field `prot`"
    assert flaw.fix == "did you mean `port`?"


def test_fields_that_begin_with_x_are_free():
    assert flaws(workload("web", "x-owner: {any: thing}\n")) == []


def test_an_unknown_field_that_resembles_nothing_may_become_an_x_field():
    assert the_flaw(workload("web", "zzzzzz: 1\n")).fix == "remove it, or begin its name with `x-`"
    assert the_flaw(workload("web", "update: {zzzzzz: b}\n").replace("update", "log_rules")).fix.startswith("remove it")


def test_every_unknown_field_is_told():
    found = flaws(workload("web", "prune_: true\nhost: [a]\n"))
    assert found == [("UnknownField", "/prune_", 4, 1), ("UnknownField", "/host", 5, 1)]


def test_a_number_where_text_belongs_is_shown_as_it_was_written():
    flaw = the_flaw("kind: Workload\nname: web\nsource: {kind: image, image: nginx, tag: 1.10}\n")
    assert (flaw.code, flaw.pointer, flaw.line, flaw.column) == ("WrongType", "/source/tag", 3, 37)
    assert flaw.found == "the number 1.10"
    assert flaw.fix == "put it in quotes, so that it is text"


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("suspend: ja", ("WrongType", "/suspend", "true or false", "`ja`", "write true or false without quotes")),
        (
            "hosts: edge-1",
            (
                "WrongType",
                "/hosts",
                "a list",
                "`edge-1`",
                "write a list, in brackets or with a hyphen before each entry",
            ),
        ),
        ("hosts: []", ("WrongLength", "/hosts", "at least 1 entries", "0 entries", "write more, or remove the field")),
        ("depends_on:", ("WrongType", "/depends_on", "a list", "nothing", "write a value, or remove the field")),
        (
            "env: {A: true}",
            (
                "WrongType",
                "/env/A",
                "text, an integer or {secret: NAME}",
                HIDDEN,
                "put it in quotes, so that it is text",
            ),
        ),
        (
            "env: {A: [1]}",
            (
                "WrongType",
                "/env/A",
                "text, an integer or {secret: NAME}",
                "a list",
                "write `name: value` on lines without hyphens",
            ),
        ),
        ("env: {1A: b}", ("WrongName", "/env/1A", "an environment variable name", "`1A`", "rename it")),
        (
            "env: {A: {secret: a b}}",
            (
                "InvalidValue",
                "/env/A/secret",
                "a secret name: letters, digits, dot, underscore and hyphen",
                HIDDEN,
                "write it in that form",
            ),
        ),
        (
            "on_failure: revet",
            ("UnknownValue", "/on_failure", "one of hold, revert", "`revet`", "did you mean `revert`?"),
        ),
        ("on_failure: 5", ("UnknownValue", "/on_failure", "one of hold, revert", "the number 5", "write one of them")),
        ("api_version: v2", ("UnknownValue", "/api_version", "`v1`", "`v2`", "write `v1`")),
        (
            "faces: [{host: a.b, port: 70000}]",
            (
                "OutOfRange",
                "/faces/0/port",
                "a port number from 1 to 65535",
                "the number 70000",
                "write a number within this limit",
            ),
        ),
        (
            "publish: ['1']",
            ("WrongLength", "/publish/0", "at least 3 characters", "1 characters", "write more, or remove the field"),
        ),
        (
            "faces: [{host: a.b}]",
            (
                "MissingField",
                "/faces/0",
                "the field `port`, a port number from 1 to 65535",
                "no such field",
                "add `port`",
            ),
        ),
        (
            "triggers: [{order: 1}]",
            ("ChoiceOfFields", "/triggers/0", "exactly one of `trigger`, `kind`", "none of them", "add one of them"),
        ),
        (
            "triggers: [{trigger: a, kind: manual}]",
            (
                "ChoiceOfFields",
                "/triggers/0",
                "exactly one of `trigger`, `kind`",
                "`trigger` and `kind`",
                "keep one of them",
            ),
        ),
        (
            "update: {via: ''}",
            ("UnknownValue", "/update/via", "one of commit, pull_request, none", "empty text", "write one of them"),
        ),
    ],
)
def test_what_is_wrong_is_said_in_words(field, expected):
    flaw = the_flaw(workload("web", field + "\n"))
    assert (flaw.code, flaw.pointer, flaw.expected, flaw.found, flaw.fix) == expected


@pytest.mark.parametrize(
    ("fields", "code", "pointer"),
    [
        ("cpu_limit: 0", "OutOfRange", "/source/cpu_limit"),
        ("replicas: 1.0", "WrongType", "/source/replicas"),
        ("healthcheck: {tcp: false}", "InvalidValue", "/source/healthcheck/tcp"),
        ("healthcheck: {interval: 1s}", "ChoiceOfFields", "/source/healthcheck"),
        ("labels: {pierhead.host: a}", "WrongName", "/source/labels/pierhead.host"),
        ("command: []", "WrongLength", "/source/command"),
        ("stop_timeout: 5", "WrongType", "/source/stop_timeout"),
        ("digest: abc", "InvalidValue", "/source/digest"),
    ],
)
def test_sources_are_judged_by_the_schema_of_their_kind(fields, code, pointer):
    found = flaws(f"kind: Workload\nname: web\nsource:\n  kind: image\n  image: nginx\n  {fields}\n")
    assert [one[:2] for one in found] == [(code, pointer)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name: web\n", ("UnknownKind", "", 1, 1)),
        ("kind: Worklod\nname: web\n", ("UnknownKind", "/kind", 1, 1)),
        ("kind: 5\nname: web\n", ("UnknownKind", "/kind", 1, 1)),
        ("- a\n", ("NotAMapping", "", 1, 1)),
        ("text\n", ("NotAMapping", "", 1, 1)),
        ("kind: Workload\nsource: {kind: image, image: a}\n", ("MissingField", "", 1, 1)),
        ("kind: Workload\nname: web\nsource: {kind: docker}\n", ("UnknownSourceKind", "/source/kind", 3, 10)),
        ("kind: Workload\nname: web\nsource: {}\n", ("MissingField", "/source", 3, 1)),
        ("kind: Workload\nname: web\nsource: x\n", ("WrongType", "/source", 3, 1)),
        ("kind: Workload\nname: web\n", ("MissingField", "", 1, 1)),
        ("kind: Trigger\nname: Web\nsignal: {kind: manual}\n", ("InvalidValue", "/name", 2, 1)),
        ("kind: Trigger\nname: web\n", ("MissingField", "", 1, 1)),
        ("kind: Trigger\nname: web\nsignal: manual\n", ("WrongType", "/signal", 3, 1)),
        ("kind: Trigger\nname: web\nsignal: {kind: cron}\n", ("UnknownTriggerKind", "/signal/kind", 3, 10)),
        ("kind: Trigger\nname: web\nsignal: {kind: schedule}\n", ("MissingField", "/signal", 3, 1)),
        ("kind: Trigger\nname: web\nsignal: {kind: manual, corn: 1}\n", ("UnknownField", "/signal/corn", 3, 24)),
        ("kind: EventTrigger\nname: Web\n", ("InvalidValue", "/name", 2, 1)),
        ("kind: LogRule\n", ("MissingField", "", 1, 1)),
        ("kind: Registry\nname: r\nhost: h\nusername: u\n", ("MissingField", "", 1, 1)),
        (
            "kind: Settings\nname: s\ndefaults: {source: {docker: {}}}\n",
            ("UnknownSourceKind", "/defaults/source/docker", 3, 21),
        ),
        (
            "kind: Settings\nname: s\ndefaults: {source: {image: {prot: 1}}}\n",
            ("UnknownField", "/defaults/source/image/prot", 3, 29),
        ),
    ],
)
def test_each_kind_of_document_is_judged(text, expected):
    assert flaws(text) == [expected]


@pytest.mark.parametrize(
    ("binding", "expected"),
    [
        ("{kind: manual, corn: 1}", ("UnknownField", "/triggers/0/corn", 4, 27)),
        ("{kind: schedule}", ("MissingField", "/triggers/0", 4, 12)),
        ("{kind: schedule, cron: [1]}", ("WrongType", "/triggers/0/cron", 4, 29)),
        ("{kind: cron}", ("UnknownTriggerKind", "/triggers/0/kind", 4, 13)),
        ("{kind: manual, with: {}}", ("UnknownField", "/triggers/0/with", 4, 27)),
        ("{trigger: a, cron: 1}", ("UnknownField", "/triggers/0/cron", 4, 25)),
        ("{trigger: a, with: 1}", ("WrongType", "/triggers/0/with", 4, 25)),
        ("{trigger: A}", ("InvalidValue", "/triggers/0/trigger", 4, 13)),
        ("{trigger: a, kind: manual}", ("ChoiceOfFields", "/triggers/0", 4, 12)),
        ("{order: 1}", ("ChoiceOfFields", "/triggers/0", 4, 12)),
        ("manual", ("WrongType", "/triggers/0", 4, 12)),
        ("{trigger: a, action: start}", ("UnknownValue", "/triggers/0/action", 4, 25)),
        ("{trigger: a, action: run, run: {comand: a}}", ("UnknownField", "/triggers/0/run/comand", 4, 44)),
    ],
)
def test_each_binding_is_judged(binding, expected):
    assert flaws(workload("web", f"triggers: [{binding}]\n")) == [expected]


def test_a_field_of_the_trigger_beside_its_name_is_told_where_it_belongs():
    fixes = [the_flaw(workload("web", f"triggers: [{{trigger: a, {one}: 1}}]\n")).fix for one in ("cron", "oder")]
    assert fixes == ["move it below `with`", "did you mean `order`?"]


def test_notes_may_stand_in_a_binding():
    bindings = "[{trigger: a, x-note: 1}, {kind: manual, x-note: 1}, {trigger: a, with: {x-note: 1}}]"
    assert flaws(workload("web", f"triggers: {bindings}\n")) == []


@pytest.mark.parametrize("kind", ["LogRule", "EventTrigger"])
def test_kinds_of_later_versions_need_a_name_only(kind):
    assert flaws(f"kind: {kind}\nname: any\nwhatever: {{a: 1}}\n") == []


def test_defaults_need_no_required_fields():
    assert flaws("kind: Settings\nname: s\ndefaults: {source: {image: {restart: always}}}\n") == []


def test_a_kind_that_is_nearly_right_is_suggested():
    assert the_flaw("kind: workload\nname: web\n").fix == "did you mean `Workload`?"
    assert the_flaw("kind: 5\nname: web\n").fix == "begin the document with `kind: Workload`"


def test_problems_in_several_documents_have_the_places_of_their_own():
    text = "kind: Registry\nname: a\nhost: b\n---\nkind: Registry\nname: b\nhosts: c\n"
    parsed = parse_file(text.encode(), ALL_SCHEMAS)
    assert parsed.documents[0].usable
    assert sorted((one.code, one.line) for one in parsed.documents[1].flaws) == [
        ("MissingField", 5),
        ("UnknownField", 7),
    ]


def test_a_field_that_came_by_a_merge_is_placed_where_it_is_written():
    text = """
    kind: Workload
    name: web
    x-base: &base
      image: nginx
      prot: 1
    source:
      kind: image
      <<: *base
    """
    assert flaws(text) == [("UnknownField", "/source/prot", 5, 3)]


def test_a_field_that_came_by_a_list_of_merges_is_placed_where_it_is_written():
    text = """
    kind: Workload
    name: web
    x-a: &a {image: nginx}
    x-b: &b {prot: 1}
    source:
      kind: image
      <<: [*a, *b]
    """
    assert flaws(text) == [("UnknownField", "/source/prot", 4, 10)]


def test_an_unknown_anchor_does_not_hide_other_problems():
    found = flaws("kind: Workload\nname: web\nsource: {kind: image, image: *nothing, prot: 1}\n")
    assert sorted(one[0] for one in found) == ["UnknownAnchor", "UnknownField", "WrongType"]


def test_a_document_with_thousands_of_problems_tells_the_first_fifty():
    many = "".join(f"a{number}: 1\n" for number in range(5000))
    assert len(flaws(workload("web", many))) == 50


def test_pointers_survive_awkward_keys():
    pointer = join_pointer("/env", "a/b~c", 0)
    assert pointer == "/env/a~1b~0c/0"
    assert split_pointer(pointer) == ["env", "a/b~c", "0"]


def test_suggestions_are_made_only_where_something_is_close():
    assert suggest("prot", ["port", "name"]) == "did you mean `port`?"
    assert suggest("zzz", ["port", "name"]) == ""
    assert suggest("x" * 100_000, ["port"]) == ""


def test_values_are_described_without_their_content_where_they_are_large():
    assert [describe(one) for one in ({"a": 1}, [1], None, "", 1.5)] == [
        "a mapping",
        "a list",
        "nothing",
        "empty text",
        "the number 1.5",
    ]


def test_schemas_unlike_ours_are_explained_too():
    schemas = Schemas({"odd": {"properties": {"a": {"multipleOf": 2}, "b": {"type": "string", "pattern": "^x$"}}}})
    assert [(one.code, one.expected) for one in schemas.check("odd", {"a": 3, "b": "y"})] == [
        ("InvalidValue", "a value that fits `multipleOf: 2`"),
        ("InvalidValue", "a value that fits `pattern: ^x\\Z`"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "kind: Registry\nname: r\nhost: h\nusername: u\npassword: hunter2\n",
        "kind: Registry\nname: r\nhost: h\nusername: u\npassword: {hunter2}\n",
        "kind: Registry\nname: r\nhost: h\nusername: u\npassword: {secret: hunter2 and more}\n",
        "kind: Registry\nname: r\nhost: h\nusername: u\npassword: {secret: [hunter2]}\n",
        workload("web", "env: A=hunter2\n"),
        workload("web", "env: {A: [hunter2]}\n"),
        workload("web", "env: {A: {value: hunter2}}\n"),
        workload("web", "env: {A: !!int hunter2}\n"),
        workload("web", "env: {A: b\n  C: hunter2\n"),
        workload("web", "env: {A: *hunter}\n"),
        workload("web", "env: {A: hunter2, A: hunter2}\n"),
    ],
)
def test_what_may_be_a_secret_is_in_no_message(text):
    parsed = parse_file(text.encode(), ALL_SCHEMAS)
    assert parsed.stop or parsed.documents[0].flaws
    assert "hunter2" not in str([one for document in parsed.documents for one in document.flaws]) + str(parsed.stop)


def test_a_long_number_is_in_no_message():
    assert "98765432109876543210" not in str(the_flaw(workload("web", "env: {A: 98765432109876543210}\n")))


def test_what_is_missing_beside_another_field_is_told_once_for_each():
    schema = {"dependentRequired": {"a": ["b", "c"], "d": ["e"]}}
    found = Schemas({"odd": schema}).check("odd", {"a": 1, "b": 2})
    assert [one.expected for one in found] == ["`c` beside `a`"]
