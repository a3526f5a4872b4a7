"""A real image registry with a login, and one that misbehaves: both on loopback, which engines trust without TLS."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from agent.ports import Credentials

USERNAME = "tester"
PASSWORD = "registry-password"
HTPASSWD = f"{USERNAME}:$2b$04$XXd2uMuG93zJAT8KkKOdz.WTkqCRcbHq1YRHwqsg1MS.yXOMGfbgC\n"
"""The bcrypt hash of PASSWORD at the lowest cost, so that no tool is needed to make it."""

CONFIG = """\
version: 0.1
log: {{level: error}}
storage: {{filesystem: {{rootdirectory: {root}}}, delete: {{enabled: true}}}}
http: {{addr: "127.0.0.1:{port}"}}
auth: {{htpasswd: {{realm: test, path: {htpasswd}}}}}
"""
NOTIFICATIONS = """\
notifications:
  endpoints:
    - name: agent
      url: "{url}"
      headers: {{Authorization: ["Bearer {token}"]}}
      timeout: 2s
      threshold: 3
      backoff: 200ms
"""
"""What makes a registry tell of each push."""


@dataclass(frozen=True)
class Registry:
    """A registry that runs; `host` is what stands before the first slash of its images."""

    host: str
    process: subprocess.Popen[bytes]

    @property
    def credentials(self) -> Credentials:
        return Credentials(host=self.host, username=USERNAME, password=PASSWORD)

    def push(self, client: Any, image: str, name: str) -> str:
        """Push a local image as `name` (repository:tag); returns the full reference. The local tag goes away."""
        repository, _, tag = f"{self.host}/{name}".rpartition(":")
        client.tag(image, repository, tag, force=True)
        login = {"username": USERNAME, "password": PASSWORD}
        for message in client.push(repository, tag, auth_config=login, stream=True, decode=True):
            if "error" in message:
                raise RuntimeError(f"pushing {name}: {message['error']}")
        client.remove_image(f"{repository}:{tag}", noprune=True)
        return f"{repository}:{tag}"


def free_port() -> int:
    """A port of loopback that nothing listens on at this moment."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@contextmanager
def registry(folder: Path, port: int | None = None, tell: tuple[str, str] | None = None) -> Iterator[Registry]:
    """Debian's docker-registry with its storage in `folder`; may be started again on the same folder and port.

    With `tell`, an address and a bearer token, it sends notifications there.
    """
    program = shutil.which("docker-registry")
    if program is None:
        raise RuntimeError("tests need a registry: apt-get install docker-registry")
    folder.mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    (folder / "htpasswd").write_text(HTPASSWD)
    config = folder / "config.yml"
    text = CONFIG.format(root=folder / "storage", port=port, htpasswd=folder / "htpasswd")
    config.write_text(text + (NOTIFICATIONS.format(url=tell[0], token=tell[1]) if tell else ""))
    process = subprocess.Popen([program, "serve", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_until_it_answers(port, process)
        yield Registry(f"127.0.0.1:{port}", process)
    finally:
        process.terminate()
        process.wait(10)


def _wait_until_it_answers(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"docker-registry ended with {process.returncode}")
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/", timeout=1).close()
        except urllib.error.HTTPError as error:
            error.close()
            return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError("docker-registry does not answer")


@contextmanager
def broken_registry(answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[str]:
    """Something that speaks HTTP on loopback and treats every GET as `answer` does; yields its host:port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        do_HEAD = do_GET  # noqa: N815 - the name that http.server looks for

        def log_message(self, *_: object) -> None:
            """Tests are quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def answering(status: int, body: bytes = b"{}") -> Callable[[BaseHTTPRequestHandler], None]:
    """An answer of one status to everything."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer
