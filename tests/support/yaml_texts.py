"""Workload documents for scenario tests, written as a person would."""

from __future__ import annotations

import json
from typing import Any


def workload(name: str, image: str, source: dict[str, Any] | None = None, **fields: Any) -> str:
    """A workload of the image kind; `image` is `repository:tag`, `source` adds source fields, `fields` the others."""
    repository, _, tag = image.rpartition(":")
    document: dict[str, Any] = {
        "kind": "Workload",
        "name": name,
        "source": {"kind": "image", "image": repository, "tag": tag, **(source or {})},
        **fields,
    }
    return "\n".join(f"{key}: {json.dumps(value)}" for key, value in document.items()) + "\n"


def web(name: str, image: str, source: dict[str, Any] | None = None, **fields: Any) -> str:
    """A workload that answers HTTP on port 8080 and is asked whether it does."""
    check = {"port": 8080, "healthcheck": {"http": "/", "interval": "1s", "retries": 3, "start_period": "2s"}}
    return workload(name, image, check | (source or {}), **fields)
