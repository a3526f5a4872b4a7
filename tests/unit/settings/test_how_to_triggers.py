"""Examples about triggers say what they seem to say: they pass every rule, and what senders are said to send fires."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from support.documents import Repo
from support.project import DOCS, ROOT

from agent.cli.main import main
from agent.core.image_policy.judging import judge_tags
from agent.core.inbound import InboundEvent
from agent.core.matching import Matcher
from agent.core.model import DesiredState
from agent.core.pins import Pinned
from agent.core.policy import HostPolicy
from agent.core.triggers import TagList
from agent.core.yaml_reader import read_yaml
from agent.discovery import discover_kinds, discover_trigger_kinds, discover_vendors
from agent.loading import context_for, loader

WEBHOOKS = DOCS / "how-to" / "webhooks"
POLICIES = DOCS / "image-policies.md"
PAGES = [ROOT / "README.md", POLICIES, *sorted((DOCS / "how-to").rglob("*.md")), *sorted(DOCS.glob("explanation/*.md"))]
SENDERS = sorted(path for path in WEBHOOKS.glob("*.md") if path.stem != "README")

YAML = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
TRY = re.compile(
    r"^pierhead webhook parse (.*?)<<'EOF'\n(.*?)^EOF\n```\n\n```json\n(.*?)^```", re.MULTILINE | re.DOTALL
)
ROW = re.compile(r"^\| (?P<pin>[^|]*) \| (?P<fields>[^|]*) \| (?P<tags>[^|]*) \| (?P<chosen>[^|]*) \|$", re.MULTILINE)

PIECES = ("triggers", "source", "update")
FOLDERS = {"Workload": "workloads", "Trigger": "triggers", "Registry": "registries"}
AROUND: dict[str, Any] = {"kind": "Workload", "name": "shop", "source": {"kind": "image", "image": "shop"}}
"""What a piece of a workload is a piece of."""
BESIDE: list[dict[str, Any]] = [
    {"kind": "Workload", "name": "db", "source": {"kind": "image", "image": "postgres"}},
    {"kind": "Registry", "name": "shop-team", "host": "registry.example.com"},
]
"""What examples depend on and do not show."""
IMAGE = "registry.example.com/shop/web"


def documents_of(text: str) -> list[dict[str, Any]]:
    """The documents of one block; a piece of a workload is completed, and settings of a host are none."""
    found, flaw = read_yaml(text.encode())
    assert flaw is None
    values = [document.value for document in found]
    assert all(isinstance(value, dict) for value in values)
    meant = [value for value in values if {"kind", *PIECES} & value.keys()]
    return [value if "kind" in value else AROUND | value for value in meant]


def path_of(document: Mapping[str, Any]) -> str:
    folder = FOLDERS.get(document["kind"])
    return f"{folder}/{document['name']}.yaml" if folder else "settings.yaml"


def read(documents: list[dict[str, Any]]) -> DesiredState:
    """What they say to a host that allows everything it may."""
    files = {path_of(one): json.dumps(one) for one in documents}
    repository = Repo(files)
    return loader(context_for("edge-1", HostPolicy()), repository.read_blob, None)(repository.tree())


def named(documents: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(one["kind"], one["name"]): one for one in documents}


def page_state(page: Path, block: str | None = None) -> DesiredState:
    """All examples of a page in one repository; those of one block in place of others of the same name."""
    known = named(BESIDE)
    for text in YAML.findall(page.read_text(encoding="utf-8")):
        known |= named(documents_of(text))
    known |= named(documents_of(block)) if block is not None else {}
    return read(list(known.values()))


def blocks() -> list[tuple[Path, str]]:
    return [(page, block) for page in PAGES for block in YAML.findall(page.read_text(encoding="utf-8"))]


@pytest.mark.parametrize(("page", "block"), blocks(), ids=lambda one: one.name if isinstance(one, Path) else "yaml")
def test_an_example_passes_every_rule(page: Path, block: str) -> None:
    if documents_of(block):
        assert [str(problem) for problem in page_state(page, block).problems] == []


# Senders


def test_every_sender_has_a_page() -> None:
    assert {page.stem for page in SENDERS} == set(discover_vendors())


@pytest.mark.parametrize("page", SENDERS, ids=lambda page: page.stem)
def test_the_page_of_a_sender_is_short_and_linked(page: Path) -> None:
    assert len(page.read_text(encoding="utf-8").splitlines()) <= 75
    assert f"({page.name})" in (WEBHOOKS / "README.md").read_text(encoding="utf-8")


def parsed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: str, lines: str) -> Any:
    """What `pierhead webhook parse` prints for lines on its standard input."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines.encode())))
    assert main(["webhook", "parse", *arguments.split()]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def without_nulls(event: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in event.items() if value is not None}


def tries(page: Path) -> Iterator[tuple[str, str, list[Any]]]:
    for arguments, lines, expected in TRY.findall(page.read_text(encoding="utf-8")):
        yield arguments, lines, [json.loads(line) for line in expected.splitlines()]


@pytest.mark.parametrize("page", SENDERS, ids=lambda page: page.stem)
def test_a_shown_delivery_says_what_the_page_says_and_fires_its_trigger(
    page: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    state = page_state(page)
    matcher = Matcher(desired=state, sources=discover_kinds(), triggers=discover_trigger_kinds())
    bindings = [bound for bounds in state.bindings.values() for bound in bounds]
    shown = list(tries(page))
    assert shown
    assert bindings
    for arguments, lines, expected in shown:
        results = parsed(monkeypatch, capsys, arguments, lines)
        events = [event for result in results for event in result["events"]]
        assert [without_nulls(event) for event in events] == expected
        assert {result["vendor"] for result in results} == {page.stem}
        for event in events:
            signal = InboundEvent(**event | {"changed_paths": None})
            decisions = matcher.decide(signal, bindings)
            assert any(one.fired for one in decisions), [one.why for one in decisions]


# Policies


def rows() -> list[dict[str, str]]:
    found = [match.groupdict() for match in ROW.finditer(POLICIES.read_text(encoding="utf-8"))]
    return [row for row in found if row["pin"].startswith("`")]


def test_the_table_of_policies_has_rows() -> None:
    assert len(rows()) > 20


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row['fields']} {row['pin']}")
def test_a_policy_chooses_what_the_table_says(row: Mapping[str, str]) -> None:
    (document,), _ = read_yaml(row["fields"].strip("`").encode())
    tags = tuple(re.findall(r"`([^`]+)`", row["tags"]))
    signal = TagList(image=IMAGE, tags=tags, now=0.0, first_seen=dict.fromkeys(tags, 0.0))
    verdict = judge_tags({"image": IMAGE, **document.value}, signal, Pinned(image=IMAGE, tag=row["pin"].strip("`")))
    chosen = verdict.version.tag if verdict.fired and verdict.version else None
    assert chosen == (row["chosen"].strip("`") if row["chosen"].startswith("`") else None), verdict.why
