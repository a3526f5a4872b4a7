"""Test images made from scratch with Debian's static busybox: no registry is ever asked.

Every image has busybox as its shell and applets; what differs is the command. Images are tagged below `ph-test/` and
shared by all tests; building one twice costs a cache lookup.
"""

from __future__ import annotations

import io
import shutil
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

BUSYBOX = "ph-test/busybox:1"
APPLETS = ("sh", "sleep", "httpd", "cat", "echo", "env", "id", "kill", "ls", "nc", "printf", "tail", "test", "trap")
APPLETS += ("true", "false", "touch", "wget", "mkdir", "rm", "head", "seq", "dd")
WEB_PORT = 8080


def busybox_path() -> Path:
    """The static busybox of Debian's busybox-static; raises when it is missing."""
    found = shutil.which("busybox")
    if found is None:
        raise RuntimeError("tests need a static busybox: apt-get install busybox-static")
    return Path(found)


def _add(archive: tarfile.TarFile, name: str, content: bytes, mode: int = 0o644) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    entry.mode = mode
    archive.addfile(entry, io.BytesIO(content))


def _root() -> bytes:
    """A root file system: busybox, its applets, and the folders that a container needs."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for folder in ("bin", "etc", "tmp", "www"):
            entry = tarfile.TarInfo(folder)
            entry.type = tarfile.DIRTYPE
            entry.mode = 0o1777 if folder == "tmp" else 0o755
            archive.addfile(entry)
        _add(archive, "bin/busybox", busybox_path().read_bytes(), 0o755)
        for applet in APPLETS:
            entry = tarfile.TarInfo(f"bin/{applet}")
            entry.type = tarfile.SYMTYPE
            entry.linkname = "busybox"
            archive.addfile(entry)
        _add(archive, "etc/passwd", b"root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n")
    return buffer.getvalue()


def busybox_image(client: Any, tag: str = BUSYBOX) -> str:
    """Import the root file system under `tag` unless it is there; returns the tag. Its command sleeps."""
    if client.images(name=tag):
        return tag
    repository, _, version = tag.rpartition(":")
    client.import_image_from_data(
        _root(), repository=repository, tag=version, changes=['ENV PATH="/bin"', 'CMD ["sleep","86400"]']
    )
    return tag


def build(client: Any, tag: str, lines: Sequence[str], files: dict[str, bytes] | None = None) -> str:
    """Build an image on busybox by these Dockerfile lines; returns the tag."""
    base = busybox_image(client)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        _add(archive, "Dockerfile", "\n".join([f"FROM {base}", *lines]).encode() + b"\n")
        for name, content in (files or {}).items():
            _add(archive, name, content)
    buffer.seek(0)
    for message in client.build(fileobj=buffer, custom_context=True, tag=tag, rm=True, decode=True):
        if "error" in message:
            raise RuntimeError(f"building {tag}: {message['error']}")
    return tag


def web_image(client: Any, tag: str, version: str) -> str:
    """An HTTP server on port 8080 that answers its version at `/` and 404 elsewhere."""
    lines = ["COPY index.html /www/index.html", 'CMD ["httpd","-f","-p","8080","-h","/www"]']
    return build(client, tag, lines, {"index.html": version.encode()})


def exits_image(client: Any, tag: str = "ph-test/exits:1", code: int = 1) -> str:
    """Says why on standard error, then ends with `code`."""
    return build(client, tag, [f'CMD ["sh","-c","echo cannot read settings >&2; exit {code}"]'])


def silent_image(client: Any, tag: str = "ph-test/silent:1") -> str:
    """Runs, but nothing ever listens."""
    return build(client, tag, ['CMD ["sh","-c","echo warming up; sleep 86400"]'])


def stubborn_image(client: Any, tag: str = "ph-test/stubborn:1") -> str:
    """Ignores SIGTERM, so that stopping it takes the whole stop timeout."""
    return build(client, tag, ['CMD ["sh","-c","trap \'\' TERM; while true; do sleep 1; done"]'])


def unhealthy_image(client: Any, tag: str = "ph-test/unhealthy:1") -> str:
    """Runs, and its own HEALTHCHECK fails."""
    check = "HEALTHCHECK --interval=500ms --timeout=1s --retries=1 CMD echo no database; exit 1"
    return build(client, tag, ['SHELL ["/bin/sh","-c"]', check])


def healthy_image(client: Any, tag: str = "ph-test/healthy:1") -> str:
    """Runs, and its own HEALTHCHECK succeeds."""
    return build(client, tag, ['SHELL ["/bin/sh","-c"]', "HEALTHCHECK --interval=500ms --timeout=1s CMD true"])
