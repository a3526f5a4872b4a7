"""The same documents written differently: order of keys, style, quotes, comments, spellings of one value, files."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

PLAIN = re.compile(r"[a-z][a-z0-9]*(?:[-/.][a-z0-9]+)+")
"""Strings that mean themselves without quotes; a word alone might be `no` or `null`."""

SPELLINGS = {
    "64MiB": ("64MiB", "65536KiB"),
    "1GiB": ("1GiB", "1024MiB"),
    "10s": ("10s", "10000ms"),
    "90s": ("90s", "1m30s"),
}
"""Texts that mean the same duration or size."""

COMMENTS = ("why", "kind: Nothing", "open: {")
DEFAULTS: Mapping[str, Any] = {"suspend": False, "prune": True, "env": {}, "volumes": [], "depends_on": []}
SOURCE_DEFAULTS: Mapping[str, Any] = {"replicas": 1, "pull": "missing", "read_only": False}


def tidy(documents: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """One file a document, as a careful person writes them; JSON is YAML."""
    return {f"workloads/{one['name']}.yaml": json.dumps(one, indent=2) for one in documents}


def rewritten(documents: Sequence[Mapping[str, Any]], random: Random) -> dict[str, str]:
    """The same in other words, in other files, in another order."""
    shuffled = random.sample(list(documents), len(documents))
    files: dict[str, str] = {}
    for number, document in enumerate(shuffled):
        path = f"workloads/{random.choice(['', 'a/', 'z/b/'])}{random.randrange(max(1, number))}.yml"
        text = render(spelled_out(document, random), random)
        files[path] = f"{files[path]}\n---\n{text}" if path in files else text
    return files


def spelled_out(document: Mapping[str, Any], random: Random) -> dict[str, Any]:
    """With some defaults written down that were left out."""
    source = _with_some(document["source"], SOURCE_DEFAULTS, random)
    return _with_some(document, DEFAULTS, random) | {"source": source}


def _with_some(fields: Mapping[str, Any], defaults: Mapping[str, Any], random: Random) -> dict[str, Any]:
    return {key: value for key, value in defaults.items() if random.random() < 0.3} | dict(fields)


def render(value: Mapping[str, Any], random: Random, indent: str = "") -> str:
    """A mapping as a YAML block whose keys are shuffled."""
    lines: list[str] = []
    for key, inner in random.sample(list(value.items()), len(value)):
        if random.random() < 0.2:
            lines += ["", f"{indent}# {random.choice(COMMENTS)}"]
        if isinstance(inner, Mapping) and inner and random.random() < 0.6:
            deeper = indent + " " * random.choice([2, 4])
            lines += [f"{indent}{_scalar(key, random)}:", render(inner, random, deeper)]
        elif isinstance(inner, list) and inner and random.random() < 0.6:
            lines.append(f"{indent}{_scalar(key, random)}:")
            lines += [f"{indent}- {_flow(one, random)}" for one in inner]
        else:
            lines.append(f"{indent}{_scalar(key, random)}: {_flow(inner, random)}")
    return "\n".join(lines)


def _flow(value: Any, random: Random) -> str:
    if isinstance(value, Mapping):
        pairs = random.sample(list(value.items()), len(value))
        return "{" + ", ".join(f"{_scalar(key, random)}: {_flow(one, random)}" for key, one in pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(one, random) for one in value) + "]"
    return _scalar(value, random)


def _scalar(value: Any, random: Random) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    text = random.choice(SPELLINGS.get(value, (value,)))
    if PLAIN.fullmatch(text) and random.random() < 0.5:
        return text
    if "'" not in text and "\n" not in text and random.random() < 0.5:
        return f"'{text}'"
    return json.dumps(text)
