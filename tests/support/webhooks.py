"""Sends deliveries as vendors do: signed, over a real connection."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any


def post(url: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> tuple[int, dict[str, Any]]:
    """Status and JSON of one POST, whatever the status."""
    request = urllib.request.Request(url, data=body, headers=dict(headers or {}), method="POST")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read() or b"{}")


def signed(body: bytes, secret: str, event: str) -> dict[str, str]:
    """The headers of a GitHub delivery."""
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {
        "Content-Type": "application/json",
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": secrets.token_hex(16),
        "X-Hub-Signature-256": f"sha256={digest}",
    }


def bearer(secret: str) -> dict[str, str]:
    """The headers of a sender that signs nothing."""
    return {"Content-Type": "application/json", "Authorization": f"Bearer {secret}"}


def github_push(repo: str, branch: str, commit: str, paths: tuple[str, ...] = ("web/a",)) -> bytes:
    """The body of a push to a branch at GitHub, as far as anybody reads it."""
    change = {"id": commit, "added": [], "removed": [], "modified": list(paths), "message": "change"}
    body = {
        "ref": f"refs/heads/{branch}",
        "before": "1" * 40,
        "after": commit,
        "created": False,
        "deleted": False,
        "forced": False,
        "commits": [change],
        "head_commit": change,
        "repository": {"full_name": repo, "clone_url": f"https://github.com/{repo}.git"},
    }
    return json.dumps(body).encode()


def pushed_image(image: str, tag: str) -> bytes:
    """The generic body for a pushed image."""
    return json.dumps({"image": f"{image}:{tag}", "nonce": secrets.token_hex(8)}).encode()
