"""Sends deliveries as vendors do: signed, over real connections, and again when they like."""

from __future__ import annotations

import base64
import hmac
import http.client
import json
import secrets
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from support.git_server import git

Answer = tuple[int, dict[str, Any]]
Proof = Callable[[bytes, str], dict[str, str]]
"""The headers by which a body proves to come from somebody who knows a secret."""


def post(url: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Answer:
    """Status and JSON of one POST, whatever the status."""
    request = urllib.request.Request(url, data=body, headers=dict(headers or {}), method="POST")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read() or b"{}")


class Sender:
    """One sender with an address of its own on loopback and a connection that it keeps; for one thread.

    `headers` are those of the newest answer, in lower case.
    """

    def __init__(self, port: int, number: int) -> None:
        self.headers: dict[str, str] = {}
        self._connection = http.client.HTTPConnection(
            "127.0.0.1", port, timeout=20, source_address=(f"127.0.0.{number + 2}", 0)
        )

    def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        self._connection.request("POST", path, body, dict(headers))
        answer = self._connection.getresponse()
        self.headers = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, json.loads(answer.read() or b"{}")

    def close(self) -> None:
        self._connection.close()


# Proofs


def signed(body: bytes, secret: str, event: str) -> dict[str, str]:
    """The headers of a GitHub delivery."""
    return {
        "Content-Type": "application/json",
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": secrets.token_hex(16),
        "X-Hub-Signature-256": f"sha256={_digest(body, secret)}",
    }


def bearer(secret: str) -> dict[str, str]:
    """The headers of a sender that signs nothing."""
    return {"Content-Type": "application/json", "Authorization": f"Bearer {secret}"}


def _digest(body: bytes, secret: str, algorithm: str = "sha256") -> str:
    return hmac.new(secret.encode(), body, algorithm).hexdigest()


def _signature(header: str, prefix: str = "", algorithm: str = "sha256") -> Proof:
    return lambda body, secret: {header: prefix + _digest(body, secret, algorithm)}


def _token(header: str, prefix: str = "") -> Proof:
    return lambda _body, secret: {header: prefix + secret}


def _basic(_body: bytes, secret: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"hook:{secret}".encode()).decode()}


def _in_address(_body: bytes, _secret: str) -> dict[str, str]:
    return {}


PROOFS: Mapping[str, tuple[str, Proof]] = {
    "github": ("signature", _signature("x-hub-signature-256", "sha256=")),
    "gitea": ("signature", _signature("x-gitea-signature")),
    "forgejo": ("signature", _signature("x-forgejo-signature")),
    "gogs": ("signature", _signature("x-gogs-signature")),
    "gitlab": ("signature", _token("x-gitlab-token")),
    "bitbucket": ("signature", _signature("x-hub-signature", "sha256=")),
    "bitbucket-server": ("signature", _signature("x-hub-signature", "sha256=")),
    "azure-devops": ("basic", _basic),
    "dockerhub": ("path", _in_address),
    "harbor": ("token", _token("authorization")),
    "quay": ("path", _in_address),
    "acr": ("token", _token("x-api-key")),
    "ecr": ("token", _token("x-api-key")),
    "gar": ("path", _in_address),
    "distribution": ("token", _token("authorization", "Bearer ")),
    "nexus": ("signature", _signature("x-nexus-webhook-signature", algorithm="sha1")),
    "jfrog": ("signature", _token("x-jfrog-event-auth")),
    "generic": ("signature", _signature("x-signature", "sha256=")),
}
"""How each vendor proves itself at its best: `auth` of the trigger, and the headers."""


# Bodies


def github_push(
    repo: str, branch: str, commit: str, paths: tuple[str, ...] = ("web/a",), clone_url: str | None = None
) -> bytes:
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
        "repository": {"full_name": repo, "clone_url": clone_url or f"https://github.com/{repo}.git"},
    }
    return json.dumps(body).encode()


def pushed_image(image: str, tag: str) -> bytes:
    """The generic body for a pushed image."""
    return json.dumps({"image": f"{image}:{tag}", "nonce": secrets.token_hex(8)}).encode()


# Those who tell by themselves


@dataclass(frozen=True)
class Told:
    """One delivery, to be sent again as it was."""

    body: bytes
    headers: Mapping[str, str]


@dataclass
class Forge:
    """Tells of every branch of a bare repository that moved, as GitHub does after a push; for `GitServer.after_push`.

    It tells before the push is answered, which is the earliest that a real one ever does.
    """

    remote: Path
    clone_url: str
    secret: str
    tell: Callable[[bytes, Mapping[str, str]], object]
    told: dict[str, list[Told]] = field(default_factory=dict)
    """By branch, oldest first."""

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._heads = self._look()
        self.repo = urlsplit(self.clone_url).path.strip("/").removesuffix(".git")

    def after_push(self) -> None:
        with self._lock:
            before, self._heads = self._heads, self._look()
            moved = [(branch, commit) for branch, commit in self._heads.items() if before.get(branch) != commit]
        for branch, commit in moved:
            paths = git(self.remote, "show", "--format=", "--name-only", commit).splitlines()
            body = github_push(self.repo, branch, commit, tuple(paths), self.clone_url)
            delivery = Told(body, signed(body, self.secret, "push"))
            self.tell(delivery.body, delivery.headers)
            self.told.setdefault(branch, []).append(delivery)

    def _look(self) -> dict[str, str]:
        lines = git(self.remote, "for-each-ref", "--format=%(refname:lstrip=2) %(objectname)", "refs/heads/")
        return dict(line.split(" ") for line in lines.splitlines())


@contextmanager
def relay(url: str) -> Iterator[tuple[str, list[Told]]]:
    """Hands every delivery on to `url` and gives its answer back; yields its own address and what it has seen."""
    seen: list[Told] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name: self.headers[name] for name in ("Content-Type", "Authorization")}
            try:
                status, _ = post(url, body, headers)
            except OSError:  # nobody is there yet, and the sender comes again
                status = 503
            if status == 202:
                seen.append(Told(body, headers))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Tests are quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
