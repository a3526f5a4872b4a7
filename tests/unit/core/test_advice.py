"""Documents as people write them who know Compose, Kubernetes or YAML 1.1: each message says what to do."""

from __future__ import annotations

import json

import pytest
from support.documents import ALL_SCHEMAS, workload
from support.project import ROOT

from agent.core.advice import FOREIGN_WORDS, OF_THE_SOURCE, OF_THE_WORKLOAD, about_field, strange_letter
from agent.core.parsed import parse_file


def flaws_of(text: str | bytes):
    parsed = parse_file(text.encode() if isinstance(text, str) else text, ALL_SCHEMAS)
    found = [one for document in parsed.documents for one in document.flaws]
    return [*found, *([parsed.stop] if parsed.stop else [])]


def source(fields: str) -> str:
    return f"kind: Workload\nname: web\nsource:\n  kind: image\n  image: nginx\n  {fields}\n"


@pytest.mark.parametrize(
    ("text", "place", "pointer", "fix"),
    [
        (workload("web", "ports: ['80:80']\n"), (4, 1), "/ports", "write `publish` instead"),
        (workload("web", "environment: {A: b}\n"), (4, 1), "/environment", "write `env` instead"),
        (workload("web", "image: nginx\n"), (4, 1), "/image", "move it below `source`"),
        (workload("web", "mem_limit: 1\n"), (4, 1), "/mem_limit", "move it below `source`, as `memory_limit`"),
        (source("env: {A: b}"), (6, 3), "/source/env", "move it beside `source`, not below it"),
        (source("ports: [80]"), (6, 3), "/source/ports", "move it beside `source`, not below it, as `publish`"),
        (source("healthcheck: {test: a, tcp: true}"), (6, 17), "/source/healthcheck/test", "write `command` instead"),
        (source("memory_limit: 512m"), (6, 3), "/source/memory_limit", "write 512MiB"),
        (source("memory_limit: 2 gb"), (6, 3), "/source/memory_limit", "write 2GiB"),
        (source("memory_limit: lots"), (6, 3), "/source/memory_limit", "write it in that form"),
        (source("memory_limit: 512"), (6, 3), "/source/memory_limit", "write it with its unit, such as 64MiB"),
        (source("stop_timeout: 30"), (6, 3), "/source/stop_timeout", "write it with its unit, such as 10s"),
        (source("digest: 12"), (6, 3), "/source/digest", "write it in that form"),
        (source("tag: 1.25"), (6, 3), "/source/tag", "put it in quotes, so that it is text"),
        (source("port: '8080'"), (6, 3), "/source/port", "write it without quotes"),
        (source("cpu_limit: 500m"), (6, 3), "/source/cpu_limit", "write a plain number"),
        (source("port: [80]"), (6, 3), "/source/port", "write one value, not a list or mapping"),
        (source("cap_add: NET_ADMIN"), (6, 3), "/source/cap_add", "write a list, in brackets or with a hyphen "),
        (source("cap_add: {a: b}"), (6, 3), "/source/cap_add", "write a list: a line with a hyphen for each entry"),
        (workload("web", "publish: [8080]\n"), (4, 11), "/publish/0", "write both ports in quotes, such as "),
        (workload("web", "suspend: yes\n"), (4, 1), "/suspend", "write true without quotes"),
        (workload("web", "prune: 'no'\n"), (4, 1), "/prune", "write false without quotes"),
        (workload("web", "prune: 1\n"), (4, 1), "/prune", "write true or false without quotes"),
        (workload("web", "env: [A=b]\n"), (4, 1), "/env", "write `name: value` on lines without hyphens"),
        (workload("web", "volumes: ['./a:/b']\n"), (4, 11), "/volumes/0", "write its fields, as `name: value`"),
        (workload("web", "triggers: [nightly]\n"), (4, 12), "/triggers/0", "write its fields, as `name: value`"),
        (workload("web", "parent: {a: b}\n"), (4, 1), "/parent", "write one value, not a list or mapping"),
        (workload("web", "description: 5\n"), (4, 1), "/description", "put it in quotes, so that it is text"),
        (
            "kind: Registry\nname: hub\nhost: https://index.example.com/v1/\n",
            (3, 1),
            "/host",
            "write it without `https",
        ),
        ("kind: Workload\nname: My_App\nsource: {kind: image, image: a}\n", (2, 1), "/name", "write `my-app`"),
        ("kind: Workload\nname: - a\nsource: {kind: image, image: a}\n", (2, 7), "", ""),
    ],
)
def test_the_way_out_is_named_at_the_exact_place(text, place, pointer, fix):
    flaws = flaws_of(text)
    assert len(flaws) == 1
    if pointer:
        assert ((flaws[0].line, flaws[0].column), flaws[0].pointer) == (place, pointer)
        assert flaws[0].fix.startswith(fix)
    assert flaws[0].fix


@pytest.mark.parametrize(
    ("name", "strange"),
    [
        ("w\u0435b", "character 2, U+0435 CYRILLIC SMALL LETTER IE"),
        ("we\u200bb", "character 3, U+200B ZERO WIDTH SPACE"),
        ("\uff57eb", "character 1, U+FF57 FULLWIDTH LATIN SMALL LETTER W"),
        ("web\ue000", "character 4, U+E000 without a name"),
    ],
)
def test_a_letter_that_only_looks_right_is_named(name, strange):
    (flaw,) = flaws_of(f"kind: Workload\nname: {json.dumps(name)}\nsource: {{kind: image, image: nginx}}\n")
    assert (flaw.line, flaw.column, flaw.pointer, flaw.fix) == (2, 1, "/name", f"replace {strange}")


def test_common_letters_are_not_strange():
    assert strange_letter("web-1_x") == ""


@pytest.mark.parametrize(
    "content",
    [
        b"a: \xff\n",
        b"a: *x\n",
        b"a: !x y\n",
        b"a: !!int x\n",
        b"? [1]\n: 2\n",
        b"a: {<<: 5}\n",
        b'a: "\\0"\n',
        b"a: \0\n",
        b"a: 1e999\n",
        b"a: [1\n",
        b"a:\n\tb: 1\n",
        b"a: 1\na: 2\n",
        b"[" * 1000,
        b"#" * 2_000_000,
        b"- a\n",
        b"kind: Workload\n",
        b"kind: Workload\nname: web\nsource: {kind: other}\n",
        b"kind: Workload\nname: web\nsource: {kind: image, image: nginx, cpu_limit: 0, replicas: 1.5}\n",
    ],
)
def test_nothing_is_refused_without_a_way_out(content):
    flaws = flaws_of(content)
    assert flaws
    assert [one.code for one in flaws if not (one.fix and one.expected and one.found and one.line and one.column)] == []


def test_the_words_that_are_recommended_are_fields():
    fields = json.loads((ROOT / "schemas/workload.schema.json").read_text())["properties"]
    of_image = json.loads((ROOT / "schemas/source/image.schema.json").read_text())["properties"]
    assert of_image.keys() >= OF_THE_SOURCE
    assert fields.keys() >= OF_THE_WORKLOAD
    assert {*fields, *of_image} >= set(FOREIGN_WORDS.values())
    assert about_field("zebra", fields) == ""
