"""Where host settings come from: file, variables and flags, each a value with its origin, so that an error can point.

Variable names follow from the schema, level by level: `repo.url` is PIERHEAD_REPO_URL, `repo.password.secret` is
PIERHEAD_REPO_PASSWORD_SECRET. Lists of text are separated by commas; any list may be given as YAML in brackets.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.core.locate import Locator
from agent.core.schema_errors import join_pointer, split_pointer
from agent.core.yaml_reader import read_yaml
from agent.errors import Usage

PREFIX = "PIERHEAD_"
CONFIG_VARIABLE = "PIERHEAD_CONFIG"
LISTEN_VARIABLE = "PIERHEAD_LISTEN"
SECRET_PREFIX = "PIERHEAD_SECRET_"  # noqa: S105 - a prefix of names

Keys = tuple[str, ...]
"""The way to a setting, from the top."""

_FOLDERS = frozenset({("data_dir",), ("volume_dir",)})
_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Layers:
    """The merged document, and for each place in it where it was written: a file, else a variable or flag."""

    document: dict[str, Any] = field(default_factory=dict)
    overrides: dict[str, str] = field(default_factory=dict)
    source: Path | None = None
    content: bytes = b""

    def put(self, path: Keys, value: object, origin: str) -> None:
        """Override one leaf. Under something that is no mapping nothing is put: validation will complain about it.

        Folders may be relative here, unlike in the file: they are taken from where the agent was started.
        """
        place = self.document
        for step in path[:-1]:
            place = place.setdefault(step, {})
            if not isinstance(place, dict):
                return
        place[path[-1]] = str(Path(str(value)).expanduser().absolute()) if path in _FOLDERS else value
        self.overrides[join_pointer("", *path)] = origin

    def origin(self, pointer: str) -> str:
        """Where the value there, or what encloses it, was written."""
        parts = split_pointer(pointer)
        for length in range(len(parts), 0, -1):
            enclosing = join_pointer("", *parts[:length])
            if enclosing in self.overrides:
                return self.overrides[enclosing]
        if self.source is None:
            return "host settings"
        line, column = Locator(self.content, 1).place(0, pointer) or (1, 1)
        return f"{self.source}:{line}:{column}"


def read_file(path: Path) -> Layers:
    """The settings file, read as the config repository's files are; raises Usage for what is no YAML mapping."""
    content = _read(path)
    documents, flaw = read_yaml(content)
    flaws = [*([flaw] if flaw else []), *(one for document in documents for one in document.flaws)]
    if flaws:
        lines = [f"{path}:{one.line}:{one.column}: expected {one.expected}, found {one.found}" for one in flaws]
        raise Usage("\n".join(lines), advice="; ".join(dict.fromkeys(one.fix for one in flaws if one.fix)))
    if not documents:
        return Layers(source=path)
    if len(documents) > 1:
        place = f"{path}:{documents[1].line}:{documents[1].column}"
        raise Usage(f"{place}: expected one document, found another", advice="remove the `---` between them")
    value = documents[0].value
    if not isinstance(value, dict):
        raise Usage(f"{path}:1:1: expected a mapping of settings, found something else", advice="begin with `repo:`")
    return Layers(document=value, source=path, content=content)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
    advice = "give the path of the host settings by --config or PIERHEAD_CONFIG"
    raise Usage(f"{path}: cannot be read ({reason})", advice=advice)


def put_variables(layers: Layers, environment: Mapping[str, str], schema: Mapping[str, Any]) -> None:
    """Override by PIERHEAD_* variables; raises Usage for one that means nothing."""
    leaves = {variable(path): (path, leaf) for path, leaf in schema_leaves(schema)}
    known = {*leaves, CONFIG_VARIABLE, LISTEN_VARIABLE}
    ignored = (SECRET_PREFIX, *_secret_prefixes(layers.document))
    for name in sorted(environment):
        if name == LISTEN_VARIABLE:
            put_listen(layers, environment[name], f"variable {name}")
        elif name in leaves:
            path, leaf = leaves[name]
            layers.put(path, _typed(environment[name], leaf, name), f"variable {name}")
        elif name.startswith(PREFIX) and name not in known and not name.startswith(ignored):
            raise _unknown_variable(name, known)


def put_listen(layers: Layers, address: str, origin: str) -> None:
    """One address for the page and for the webhooks."""
    layers.put(("listen", "status"), address, origin)
    layers.put(("listen", "webhooks"), address, origin)


def variable(path: Keys) -> str:
    """The variable that overrides a setting."""
    return PREFIX + "_".join(path).upper()


def schema_leaves(schema: Mapping[str, Any]) -> Iterator[tuple[Keys, Mapping[str, Any]]]:
    """Every setting that is no mapping, with its schema, `$ref` followed."""
    yield from _leaves(schema, schema, ())


def _leaves(node: Mapping[str, Any], root: Mapping[str, Any], path: Keys) -> Iterator[tuple[Keys, Mapping[str, Any]]]:
    if "$ref" in node:
        node = root["$defs"][str(node["$ref"]).rpartition("/")[2]]
    if "properties" not in node:
        yield path, node
        return
    for name, below in node["properties"].items():
        yield from _leaves(below, root, (*path, name))


def _typed(text: str, schema: Mapping[str, Any], name: str) -> object:
    """The text as the type that the schema wants; left as text, for validation to complain, where it is none."""
    match schema.get("type"):
        case "boolean":
            word = text.strip().lower()
            return True if word in _TRUE else False if word in _FALSE else text
        case "integer":
            return int(text) if text.strip().lstrip("+-").isdecimal() else text
        case "array":
            return _list(text, name)
        case _:
            return text


def _list(text: str, name: str) -> object:
    if not text.lstrip().startswith("["):
        return [part.strip() for part in text.split(",") if part.strip()]
    documents, flaw = read_yaml(text.encode())
    if flaw is None and len(documents) == 1 and not documents[0].flaws:
        return documents[0].value
    raise Usage(f"variable {name}: expected a list in YAML, found something else", advice="write [a, b] or a,b")


def _secret_prefixes(document: Mapping[str, Any]) -> tuple[str, ...]:
    """Prefixes of configured `env` providers: their variables are secrets, not settings."""
    providers = document.get("secrets")
    entries = providers if isinstance(providers, list) else []
    prefixes = (entry.get("prefix") for entry in entries if isinstance(entry, dict))
    return tuple(prefix for prefix in prefixes if isinstance(prefix, str) and prefix)


def _unknown_variable(name: str, known: set[str]) -> Usage:
    close = difflib.get_close_matches(name, known, n=1)
    advice = f"did you mean {close[0]}?" if close else "unset it; docs/reference/agent.md lists the variables"
    return Usage(f"variable {name}: expected the name of a setting, found none like it", advice=advice)
