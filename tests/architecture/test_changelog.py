from __future__ import annotations

import re
import subprocess

from support.project import ROOT

SECTION = re.compile(r"^## \[(?P<version>[^\]]+)\](?: - (?P<date>\d{4}-\d{2}-\d{2}))?$", re.MULTILINE)
GROUPS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
NOTICEABLE = ("agent", "schemas", "example-repo", "Dockerfile")


def sections() -> dict[str, str]:
    """Text under each version, newest first."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    found = list(SECTION.finditer(text))
    ends = [one.start() for one in found[1:]] + [len(text)]
    return {one["version"]: text[one.end() : end] for one, end in zip(found, ends, strict=True)}


def git(*words: str) -> str:
    run = subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=False, timeout=30)
    return run.stdout.strip()


def test_it_opens_with_what_is_not_released_yet():
    assert next(iter(sections())) == "Unreleased"


def test_changes_are_grouped_by_the_usual_six_words():
    for text in sections().values():
        assert set(re.findall(r"^### (.+)$", text, re.MULTILINE)) <= GROUPS


def test_a_change_since_the_last_release_is_told():
    tag = git("describe", "--tags", "--abbrev=0")
    changed = git("diff", "--name-only", tag, "--", *NOTICEABLE) if tag else "everything"
    assert not changed or re.search(r"^- ", sections()["Unreleased"], re.MULTILINE)
