"""Real git servers on loopback for tests: `git http-backend` behind a threaded HTTP server, and an sshd of one's own.

Both serve the bare repositories below one folder. The HTTP one can ask for a login, refuse, hang, refuse pushes only,
and be stopped and started again on the same port, which is what an outage looks like to the agent.
"""

from __future__ import annotations

import base64
import getpass
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

BACKEND = ["git", "http-backend"]


def git(folder: Path, *arguments: str, env: Mapping[str, str] | None = None) -> str:
    """Run the git command line in a folder, with an identity and without anyone's own configuration."""
    identity = {
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_AUTHOR_NAME": "Test",
        "GIT_AUTHOR_EMAIL": "test@example.com",
        "GIT_COMMITTER_NAME": "Test",
        "GIT_COMMITTER_EMAIL": "test@example.com",
    }
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env=os.environ | identity | dict(env or {}),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if done.returncode:
        raise AssertionError(f"git {' '.join(arguments)} failed: {done.stderr.strip()}")
    return done.stdout.strip()


def bare(folder: Path) -> Path:
    """A new bare repository whose default branch is main, ready to be pushed to over any transport."""
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet", "--bare", "--initial-branch=main")
    git(folder, "config", "http.receivepack", "true")
    return folder


def commit(folder: Path, files: Mapping[str, str | bytes | None], message: str = "change") -> str:
    """Write (or, for None, delete) files in a working tree, commit everything, return the commit id."""
    for name, content in files.items():
        path = folder / name
        if content is None:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", message)
    return git(folder, "rev-parse", "HEAD")


def clone(url: str | Path, folder: Path) -> Path:
    """A working clone whose branch is main, also of an empty repository."""
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "remote", "add", "origin", str(url))
    if git(folder, "ls-remote", "--heads", "origin", "main"):
        git(folder, "fetch", "--quiet", "origin")
        git(folder, "checkout", "--quiet", "main")
    return folder


class GitServer:
    """Git over HTTP below `root`. The public fields may be changed at any time and hold for the next request.

    `refuse` is an HTTP status for every request, `refuse_push` one for pushes; `hang` keeps every request waiting until
    it is cleared or the server stops; `delay` is waited before answering; `cut_push` carries pushes out and closes the
    connection without an answer; `before_push` and `after_push` are called around each; `requests` lists method
    and path.
    """

    def __init__(self, root: Path, *, username: str = "", password: str = "") -> None:
        self.root = root
        self.username, self.password = username, password
        self.refuse = 0
        self.refuse_push = 0
        self.hang = False
        self.delay = 0.0
        self.cut_push = False
        self.before_push: Callable[[], None] = lambda: None
        self.after_push: Callable[[], None] = lambda: None
        self.requests: list[str] = []
        self.port = 0
        self._server: ThreadingHTTPServer | None = None
        root.mkdir(parents=True, exist_ok=True)

    def create(self, name: str) -> Path:
        """A new empty bare repository `name`, served as `url(name)`."""
        return bare(self.root / f"{name}.git")

    def url(self, name: str, *, login: bool = False) -> str:
        userinfo = f"{self.username}:{self.password}@" if login else ""
        return f"http://{userinfo}127.0.0.1:{self.port}/{name}.git"

    def start(self) -> Self:
        """Serve; after `stop`, on the same port again."""
        handler = type("Handler", (_Handler,), {"git": self})
        self._server = _Server(("127.0.0.1", self.port), handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def stop(self) -> None:
        if self._server is not None:
            server, self._server = self._server, None
            server.shutdown()
            server.server_close()

    @property
    def running(self) -> bool:
        return self._server is not None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 64


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    git: GitServer

    def log_message(self, *_: object) -> None:
        """Say nothing: the tests look at `requests`."""

    def do_GET(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        self._serve(self._body())

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _serve(self, body: bytes) -> None:
        server = self.git
        server.requests.append(f"{self.command} {self.path}")
        while server.hang and server.running:
            time.sleep(0.02)
        time.sleep(server.delay)
        if server.refuse:
            self._answer(server.refuse, {}, b"refused")
        elif server.username and not self._logged_in():
            self._answer(401, {"WWW-Authenticate": 'Basic realm="git"'}, b"who are you?")
        elif server.refuse_push and "git-receive-pack" in self.path:
            self._answer(server.refuse_push, {}, b"no pushes here")
        else:
            pushing = self.command == "POST" and "git-receive-pack" in self.path
            if pushing:
                server.before_push()
            self._run(body, pushing=pushing)

    def _logged_in(self) -> bool:
        word = base64.b64encode(f"{self.git.username}:{self.git.password}".encode()).decode()
        return self.headers.get("Authorization", "") == f"Basic {word}"

    def _run(self, body: bytes, *, pushing: bool) -> None:
        path, _, query = self.path.partition("?")
        environment = os.environ | {
            "GIT_PROJECT_ROOT": str(self.git.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "REMOTE_USER": self.git.username or "anonymous",
            "REMOTE_ADDR": "127.0.0.1",
        }
        done = subprocess.run(BACKEND, input=body, env=environment, capture_output=True, check=False, timeout=60)
        if pushing:
            self.git.after_push()
        if pushing and self.git.cut_push:
            self.close_connection = True
            return
        head, _, answer = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
        status = int(headers.pop("Status", "200 OK").split()[0])
        self._answer(status, headers, answer)

    def _answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        try:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            self.close_connection = True


class SshServer:
    """An sshd of one's own on loopback, with keys of its own; `url(path)` reaches any repository by absolute path.

    Mark tests that use it with `@pytest.mark.program("sshd")`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = 0
        self.user = getpass.getuser()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def key(self) -> str:
        """The private key that may log in."""
        return (self.folder / "client").read_text()

    @property
    def known_hosts(self) -> str:
        kind, key = (self.folder / "host.pub").read_text().split()[:2]
        return f"[127.0.0.1]:{self.port} {kind} {key}\n"

    def url(self, path: Path) -> str:
        return f"ssh://{self.user}@127.0.0.1:{self.port}{path}"

    def start(self) -> Self:
        self.folder.mkdir(parents=True)
        for name in ("host", "client", "stranger"):
            command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.folder / name)]
            subprocess.run(command, check=True, timeout=30)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        settings = [
            f"ListenAddress 127.0.0.1:{self.port}",
            f"HostKey {self.folder / 'host'}",
            f"AuthorizedKeysFile {self.folder / 'client.pub'}",
            f"PidFile {self.folder / 'pid'}",
            "StrictModes no",
            "UsePAM no",
            "PasswordAuthentication no",
            "PermitRootLogin prohibit-password",
        ]
        (self.folder / "config").write_text("\n".join(settings) + "\n")
        program = shutil.which("sshd") or "/usr/sbin/sshd"
        command = [program, "-D", "-e", "-f", str(self.folder / "config")]
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(command, stderr=log, stdout=log)
        self._wait()
        return self

    def _wait(self) -> None:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError(f"sshd did not start: {(self.folder / 'log').read_text()}")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
