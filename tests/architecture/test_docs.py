from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from support.project import AGENT, DOCS, ROOT, SCHEMAS, name_of

from agent.cli.main import COMMANDS

PAGES = sorted([*DOCS.rglob("*.md"), *ROOT.glob("*.md")])
PACKAGES = sorted(path.parent for path in AGENT.glob("*/__init__.py"))

# The words of the design, which mean one thing each wherever they are used.
WORDS = (
    "config repository",
    "config branch",
    "workload",
    "source",
    "trigger",
    "binding",
    "inbound event",
    "intent",
    "update",
    "face",
    "stage chain",
    "event log",
    "deliveries",
    "host",
)

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*$", re.MULTILINE)


def text_of_docs() -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in DOCS.rglob("*.md"))


def anchors(path: Path) -> set[str]:
    """The anchors that a page's headings get where pages are usually read."""
    plain = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    headings = (re.sub(r"[^\w\- ]", "", one.lower()).strip().replace(" ", "-") for one in HEADING.findall(plain))
    return set(headings)


def links(path: Path) -> list[str]:
    plain = CODE.sub("", path.read_text(encoding="utf-8"))
    targets = [first or second for first, second in LINK.findall(plain)]
    return [one for one in targets if not re.match(r"[a-z]+:", one)]


def settings(schema: dict, prefix: str = "") -> list[str]:
    """Dotted names of all host settings."""
    names: list[str] = []
    for name, one in schema.get("properties", {}).items():
        names.append(f"{prefix}{name}")
        names.extend(settings(one, f"{prefix}{name}."))
    return names


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_every_relative_link_leads_somewhere(path):
    broken = []
    for link in links(path):
        target_name, _, anchor = link.partition("#")
        target = (path.parent / target_name).resolve() if target_name else path
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("package", PACKAGES, ids=name_of)
def test_every_package_has_a_codemap(package):
    assert (DOCS / "codemaps" / f"{package.name}.md").is_file(), "say what the package is for and what calls what"


def test_every_codemap_is_about_a_package():
    names = {path.stem for path in (DOCS / "codemaps").glob("*.md")} - {"README"}
    assert names == {package.name for package in PACKAGES}


@pytest.mark.parametrize("package", PACKAGES, ids=name_of)
def test_a_codemap_names_every_module(package):
    text = (DOCS / "codemaps" / f"{package.name}.md").read_text(encoding="utf-8")
    unnamed = [path.name for path in package.rglob("*.py") if path.name != "__init__.py" and path.stem not in text]
    assert unnamed == []


@pytest.mark.parametrize("command_name", COMMANDS)
def test_every_command_is_in_the_docs(command_name):
    assert f"pierhead {command_name}" in text_of_docs()


def test_every_host_setting_is_in_the_reference():
    schema = json.loads((SCHEMAS / "agent.schema.json").read_text(encoding="utf-8"))
    text = (DOCS / "reference" / "agent.md").read_text(encoding="utf-8")
    undocumented = [
        name for name in settings(schema) if f"`{name}`" not in text and f"`{name.split('.')[-1]}`" not in text
    ]
    assert undocumented == []


def test_the_architecture_page_tells_every_part_of_the_agent():
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    parts = [package.name for package in PACKAGES] + [path.name for path in AGENT.glob("*.py")]
    assert [name for name in parts if not name.startswith("__") and name not in text] == []


@pytest.mark.parametrize("word", WORDS)
def test_the_glossary_explains_every_word_of_the_design(word):
    glossary = (DOCS / "glossary.md").read_text(encoding="utf-8").lower()
    assert f"**{word}**" in glossary
