from __future__ import annotations

import argparse
import json

import pytest

from agent.cli import reference, reference_commands
from agent.cli.main import COMMANDS
from agent.cli.reference_commands import page_of
from agent.cli.reference_schemas import schema_page
from agent.schema_files import schemas


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A checkout with our schemas, whose command line is not asked."""
    for name, schema in schemas().items():
        path = tmp_path / "schemas" / f"{name}.schema.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(schema, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    monkeypatch.setattr(reference, "commands_page", lambda: "# Commands\n")
    return tmp_path


def run(root, *words: str) -> int:
    return reference.main(["--root", str(root), *words])


def test_pages_are_written_once_and_are_then_up_to_date(root, capsys):
    assert run(root, "--check") == 1
    assert run(root) == 0
    assert run(root, "--check") == 0
    assert (root / "docs" / "reference" / "source-image.md").is_file()
    assert "make docs" in capsys.readouterr().err


def test_a_changed_schema_makes_its_page_stale(root, capsys):
    run(root)
    path = root / "schemas" / "registry.schema.json"
    path.write_text(path.read_text(encoding="utf-8").replace("host name", "name of the host"), encoding="utf-8")
    path.write_text(path.read_text(encoding="utf-8").replace("Where images", "Whence images"), encoding="utf-8")
    capsys.readouterr()
    assert run(root, "--check") == 1
    out = capsys.readouterr().out
    assert "docs/reference/registry.md: out of date" in out
    assert "workload" not in out


def test_the_page_of_a_schema_that_is_gone_goes_too(root):
    run(root)
    (root / "docs" / "reference" / "gone.md").write_text("old", encoding="utf-8")
    assert run(root, "--check") == 1
    run(root)
    assert not (root / "docs" / "reference" / "gone.md").exists()


def test_a_new_source_kind_gets_a_page_and_is_known_to_editors(root):
    new = {"title": "Echo", "description": "Says it.", "type": "object", "properties": {}, "examples": []}
    (root / "schemas" / "source" / "echo.schema.json").write_text(json.dumps(new), encoding="utf-8")
    run(root)
    workload = json.loads((root / "schemas" / "workload.schema.json").read_text(encoding="utf-8"))
    kinds = [choice["if"]["properties"]["kind"]["const"] for choice in workload["properties"]["source"]["allOf"]]
    assert kinds == ["echo", "image"]
    assert (root / "docs" / "reference" / "source-echo.md").is_file()


def test_without_a_workload_schema_there_is_no_list_of_kinds(root):
    (root / "schemas" / "workload.schema.json").unlink()
    assert run(root) == 0
    assert not (root / "schemas" / "workload.schema.json").exists()


def test_a_page_shows_fields_at_any_depth_with_type_default_and_description():
    page = schema_page("workload", schemas()["workload"])
    assert "| `name` | a DNS label" in page
    assert '| `promotion.soak` | a duration such as 500ms, 10s, 5m or 1h30m | `"0s"` |' in page
    assert "| `volumes[].scope` | `absolute`, `ephemeral`" in page
    assert "| `prune` | boolean | `true` |" in page
    assert "```yaml\nkind: Workload" in page
    assert "| `source.labels`" not in page


def test_what_the_agent_writes_is_shown_as_json():
    assert "```json\n{" in schema_page("event", schemas()["event"])


def test_bars_do_not_break_a_table():
    schema = {"title": "T", "description": "D", "examples": [], "properties": {}}
    schema["properties"]["a"] = {"type": ["string", "null"], "description": "a | b", "default": "x|y"}
    assert '| `a` | text or null | `"x\\|y"` | a \\| b |' in schema_page("t", schema)


def test_commands_are_described_from_their_parsers():
    parser = argparse.ArgumentParser(description="All of it.")
    one = parser.add_subparsers().add_parser("one", description="First 100%% thing.")
    one.add_argument("folder", nargs="?", metavar="PATH", help="where | what")
    one.add_argument("more", nargs="*")
    one.add_argument("--fast", action="store_true", help="hurry")
    one.add_argument("--hidden", help=argparse.SUPPRESS)
    one.add_argument("--as", choices=["a", "b"], help="shape")
    page = page_of(parser)
    assert page.startswith("# Commands\n\nAll of it.\n\n## pierhead one\n\nFirst 100% thing.\n")
    assert "pierhead one [OPTIONS] [PATH] [MORE ...]" in page
    assert "| `PATH` | where \\| what |" in page
    assert "| `--fast` | hurry |" in page
    assert "| `--as {a,b}` | shape |" in page
    assert "hidden" not in page


def test_a_command_may_have_no_options_or_nothing_at_all():
    parser = argparse.ArgumentParser(description="All of it.")
    commands = parser.add_subparsers()
    commands.add_parser("bare", description="Nothing.")
    commands.add_parser("plain", description="One.").add_argument("kind", choices=["a", "b"])
    page = page_of(parser)
    assert "pierhead bare\n```\n\n## pierhead plain" in page
    assert "pierhead plain {a,b}\n" in page


def test_every_command_is_on_the_page():
    page = reference_commands.commands_page()
    assert [name for name in COMMANDS if f"## pierhead {name}\n" not in page] == []
