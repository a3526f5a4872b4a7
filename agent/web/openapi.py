"""The OpenAPI 3.1 description: routes from openapi.json, what is written to git from the project's own schemas.

One schema describes the note in git, `status.json` and the answer of the API, so it is put in here, not written twice.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from importlib import resources
from typing import Any

from agent.schema_files import schemas

NAMES = {"workload": "WorkloadStatus", "container": "ContainerStatus", "problem": "Problem"}
"""Parts of the status schema, and what they are called in the description."""
SHARED = ("Event", "Delivery")
"""What is written to git line by line in the same form."""


@functools.cache
def description(version: str) -> Mapping[str, Any]:
    """The whole description, ready to be sent."""
    document: dict[str, Any] = json.loads(resources.files("agent.web").joinpath("openapi.json").read_text("utf-8"))
    document["info"]["version"] = version
    status = schemas()["status"]
    parts = {name: status["$defs"][part] for part, name in NAMES.items()}
    shared = {"Status": _bare(status)} | {name: _bare(schemas()[name.lower()]) for name in SHARED} | parts
    for part, name in NAMES.items():
        shared = _renamed(shared, part, name)
    document["components"]["schemas"] |= shared
    return document


def _bare(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema without what only makes sense in a file of its own."""
    left_out = ("$schema", "$id", "$defs", "examples")
    return {key: value for key, value in schema.items() if key not in left_out}


def _renamed(shared: dict[str, Any], part: str, name: str) -> dict[str, Any]:
    text = json.dumps(shared).replace(f'"#/$defs/{part}"', f'"#/components/schemas/{name}"')
    renamed: dict[str, Any] = json.loads(text)
    return renamed
