"""Every YAML block of the how-tos that is a whole document or a piece of host settings is right."""

from __future__ import annotations

import re
from argparse import Namespace
from pathlib import Path

import pytest

from agent.core.schemas import Schemas
from agent.core.yaml_reader import read_yaml
from agent.schema_files import schemas
from agent.settings import load_settings

FOLDER = Path(__file__).parents[3] / "docs" / "how-to"
BLOCK = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
SCHEMAS = Schemas(schemas())
WORKLOAD = {"kind": "Workload", "name": "shop", "source": {"kind": "image", "image": "shop"}}
"""What a fragment of a workload is completed with."""

HOST_SETTINGS = {"secrets", "policy", "repo", "host", "listen", "webhook", "write_back"}


def blocks() -> list[tuple[str, str]]:
    pages = [(page.relative_to(FOLDER).as_posix(), page.read_text()) for page in sorted(FOLDER.rglob("*.md"))]
    return [(name, block) for name, text in pages for block in BLOCK.findall(text)]


def test_the_how_tos_have_examples() -> None:
    assert len(blocks()) > 10


@pytest.mark.parametrize(("page", "text"), blocks())
def test_an_example_means_something(page: str, text: str, tmp_path: Path) -> None:
    documents, flaw = read_yaml(text.encode())
    assert flaw is None
    for document in documents:
        assert document.flaws == []
        assert isinstance(document.value, dict)
        value = document.value
        if "kind" in value:
            assert SCHEMAS.check_document(value) == ()
        elif HOST_SETTINGS & value.keys():
            (tmp_path / "agent.yaml").write_text(text)
            environment = {"PIERHEAD_REPO_URL": "https://git.example.com/x.git", "PIERHEAD_HOST": "edge-1"}
            load_settings(Namespace(config=str(tmp_path / "agent.yaml")), environment)
        else:
            assert SCHEMAS.check_document(WORKLOAD | value) == ()
