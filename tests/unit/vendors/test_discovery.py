"""A vendor or a trigger kind from outside the package is found by its file alone."""

from __future__ import annotations

import sys

import pytest

from agent import discovery

TEXT = """
class Thing:
    name = "teapot"

{attribute} = Thing()
"""


@pytest.mark.parametrize(
    ("package_name", "attribute", "find"),
    [
        ("vendors", "VENDOR", discovery.discover_vendors),
        ("triggers", "KIND", discovery.discover_trigger_kinds),
        ("sources", "KIND", discovery.discover_kinds),
    ],
)
def test_one_file_in_a_folder_is_enough(package_name, attribute, find, tmp_path, monkeypatch):
    package = getattr(discovery, package_name)
    (tmp_path / "teapot.py").write_text(TEXT.format(attribute=attribute))
    (tmp_path / "helpers.py").write_text("WORDS = 1\n")
    monkeypatch.setattr(package, "__path__", list(package.__path__))
    for name in ("teapot", "helpers"):
        monkeypatch.delitem(sys.modules, f"{package.__name__}.{name}", raising=False)
    before = set(find())
    assert set(find([str(tmp_path)])) == before | {"teapot"}
    assert set(find([str(tmp_path)])) == before | {"teapot"}
    assert package.__path__.count(str(tmp_path)) == 1
    for name in ("teapot", "helpers"):
        sys.modules.pop(f"{package.__name__}.{name}", None)
