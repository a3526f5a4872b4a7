from __future__ import annotations

import json

import pytest

from agent.cli.main import main
from agent.schema_files import schemas


def test_the_list_has_every_schema(capsys):
    assert main(["schema", "--list"]) == 0
    assert capsys.readouterr().out.split() == list(schemas())


@pytest.mark.parametrize("word", ["Workload", "workload"])
def test_a_schema_is_printed_in_one_piece(capsys, word):
    assert main(["schema", word]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["title"], "source-image" in printed["$defs"]) == ("Workload", True)


def test_an_unknown_kind_is_answered_with_a_suggestion(capsys):
    assert main(["schema", "workloud"]) == 1
    assert "did you mean `workload`?" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["schema"], ["schema", "zzz"]])
def test_without_a_known_kind_the_list_is_named(capsys, words):
    assert main(words) == 1
    assert "pierhead schema --list" in capsys.readouterr().err
