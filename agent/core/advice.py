"""What to do about a value or field that a schema refuses, in words that work when they are followed.

People come from Compose and Kubernetes: their words are known here. Nothing private is ever repeated.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from typing import Any

from agent.core.values import quoted

FORM = "write it in that form"

FOREIGN_WORDS: Mapping[str, str] = {
    "apiVersion": "api_version",
    "cpus": "cpu_limit",
    "dependsOn": "depends_on",
    "entry_point": "entrypoint",
    "environment": "env",
    "mem_limit": "memory_limit",
    "memory": "memory_limit",
    "ports": "publish",
    "test": "command",
    "network_mode": "networks",
    "grace_period": "stop_timeout",
    "stop_grace_period": "stop_timeout",
    "workdir": "working_dir",
}
"""Names of fields elsewhere, and what they are called here."""

OF_THE_SOURCE = frozenset(
    [
        "image",
        "tag",
        "digest",
        "registry",
        "platform",
        "pull",
        "port",
        "command",
        "entrypoint",
        "user",
        "working_dir",
        "healthcheck",
        "cpu_limit",
        "memory_limit",
        "pids_limit",
        "replicas",
        "strategy",
        "stop_timeout",
        "restart",
        "networks",
    ]
)
OF_THE_WORKLOAD = frozenset(
    ["env", "volumes", "publish", "depends_on", "faces", "hosts", "parent", "release", "update", "windows", "triggers"]
)

_SIZE = re.compile(r"([0-9]+) ?([kmgt])i?b?", re.IGNORECASE)
_TRUTH = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def about_field(field: str, known: Collection[str]) -> str:
    """Where an unknown field belongs or what it is called here; empty where nobody can tell."""
    word = FOREIGN_WORDS.get(field, field)
    if word != field and word in known:
        return f"write `{word}` instead"
    renamed = f", as `{word}`" if word != field else ""
    if word in OF_THE_SOURCE and "source" in known and "depends_on" in known:
        return f"move it below `source`{renamed}"
    if word in OF_THE_WORKLOAD and "image" in known:
        return f"move it beside `source`, not below it{renamed}"
    return ""


def about_type(schema: Mapping[str, Any], value: object, allowed: Collection[str]) -> str:
    """How a value of the wrong type becomes one of the `allowed` JSON types."""
    if value is None:
        return "write a value, or remove the field"
    if isinstance(value, bool | int | float):
        return _of_number(schema, value, allowed)
    if isinstance(value, str):
        return _of_text(value, allowed)
    if "object" in allowed:
        return "write `name: value` on lines without hyphens"
    if "array" in allowed:
        return "write a list: a line with a hyphen for each entry"
    return "write one value, not a list or mapping"


def _of_number(schema: Mapping[str, Any], value: float, allowed: Collection[str]) -> str:
    title = str(schema.get("title", ""))
    if "string" not in allowed:
        return _of_text("", allowed)
    if "duration" in title:
        return "write it with its unit, such as 10s"
    if "size" in title:
        return "write it with its unit, such as 64MiB"
    if "HOST_PORT" in title:
        return 'write both ports in quotes, such as "8080:80"'
    pattern = schema.get("pattern")
    if "/" in title or (pattern and re.search(pattern, str(value)) is None):
        return FORM
    return "put it in quotes, so that it is text"


def _of_text(text: str, allowed: Collection[str]) -> str:
    if "boolean" in allowed:
        return f"write {_TRUTH.get(text.lower(), 'true or false')} without quotes"
    if "array" in allowed:
        return "write a list, in brackets or with a hyphen before each entry"
    if "object" in allowed:
        return "write its fields, as `name: value`"
    return "write it without quotes" if _NUMBER.fullmatch(text) else "write a plain number"


def about_form(schema: Mapping[str, Any], value: object) -> str:
    """How text that does not match its pattern may be written."""
    title = str(schema.get("title", ""))
    if not isinstance(value, str):
        return FORM
    if "size" in title and (match := _SIZE.fullmatch(value)):
        return f"write {match[1]}{match[2].upper()}iB"
    if strange := strange_letter(value):
        return f"replace {strange}"
    if value.startswith(("http://", "https://")):
        return "write it without `https://`, and without a path"
    plain = re.sub(r"[\s_.]+", "-", value.strip().lower())
    if "DNS label" in title and re.search(schema.get("pattern", ""), plain):
        return f"write {quoted(plain)}"
    return FORM


def strange_letter(text: str) -> str:
    """The first letter of a name that only looks like a common one, or that is not seen; empty where there is none."""
    for number, letter in enumerate(text, 1):
        if ord(letter) > 126:
            return f"character {number}, U+{ord(letter):04X} {unicodedata.name(letter, 'without a name')}"
    return ""
