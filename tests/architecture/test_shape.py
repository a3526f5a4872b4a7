from __future__ import annotations

import ast
from pathlib import Path

import pytest
from support.project import AGENT, ROOT, modules, name_of, parsed

MODULE_LINES = 300
FUNCTION_LINES = 40
PARAMETERS = 5

EVERY_MODULE = modules(AGENT, ROOT / "scripts", ROOT / "bench")
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in ast.walk(parsed(path)) if isinstance(node, FUNCTIONS)]


def parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    """Names of all parameters but the one that stands for the object itself."""
    arguments = function.args
    names = [one.arg for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    return [name for name in names if name not in {"self", "cls"}]


@pytest.mark.parametrize("path", EVERY_MODULE, ids=name_of)
def test_a_module_is_read_in_one_sitting(path):
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= MODULE_LINES, f"{name_of(path)}: expected at most {MODULE_LINES} lines, found {lines}; split it"


@pytest.mark.parametrize("path", EVERY_MODULE, ids=name_of)
def test_a_function_fits_a_screen_and_takes_few_parameters(path):
    long = [
        f"{name_of(path)}:{one.lineno} {one.name} has {one.end_lineno - one.lineno + 1} lines"
        for one in functions(path)
        if one.end_lineno - one.lineno + 1 > FUNCTION_LINES
    ]
    wide = [
        f"{name_of(path)}:{one.lineno} {one.name} takes {len(parameters(one))} parameters"
        for one in functions(path)
        if len(parameters(one)) > PARAMETERS
    ]
    assert long + wide == []


@pytest.mark.parametrize("path", EVERY_MODULE, ids=name_of)
def test_a_module_opens_with_its_law(path):
    tree = parsed(path)
    assert ast.get_docstring(tree) or not tree.body, f"{name_of(path)}: expected a docstring that says the module's law"


@pytest.mark.parametrize("path", modules(AGENT), ids=name_of)
def test_only_the_settings_read_the_environment(path):
    readers = {"environ", "environb", "getenv"}
    found = [
        f"{name_of(path)}:{node.lineno}"
        for node in ast.walk(parsed(path))
        if (isinstance(node, ast.Attribute) and node.attr in readers and isinstance(node.value, ast.Name))
        or (isinstance(node, ast.ImportFrom) and node.module == "os" and readers & {one.name for one in node.names})
    ]
    assert not found or path == AGENT / "settings.py", "what the environment says comes through agent.settings"
