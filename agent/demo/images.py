"""The images of the example company, made on the spot: a static busybox and the files in `image_files/`.

No registry takes part, so the demo runs where none can be reached. Making them again changes nothing.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from agent.engine.connection import Connection
from agent.engine.scratch import EXECUTABLE, ScratchFile, import_image
from agent.errors import Usage

PREFIX = "pierhead-demo"
VERSIONS = {
    "db": ("1.0.0",),
    "shop": ("1.0.0", "1.1.0"),
    "mailer": ("1.0.0",),
    "reports": ("1.0.0",),
    "handbook": ("1.0.0", "1.1.0"),
}
APPLETS = ("sh", "httpd", "wget", "date", "sleep", "cat", "mkdir", "touch", "wc", "test", "ls", "ps", "kill")
FILES = Path(__file__).resolve().parent / "image_files"
BUSYBOX = ("/bin/busybox", "/usr/bin/busybox", "/bin/busybox.static", "/usr/local/bin/busybox")


def build_images(connection: Connection) -> dict[str, bool]:
    """Make every image that is not there; maps each name with tag to whether it was made now."""
    busybox = find_busybox().read_bytes()
    return {
        f"{PREFIX}/{name}:{version}": _build(connection, name, version, busybox)
        for name, versions in VERSIONS.items()
        for version in versions
    }


def find_busybox() -> Path:
    """A busybox that needs no library; raises Usage naming the package."""
    candidates = [Path(one) for one in (shutil.which("busybox"), *BUSYBOX) if one]
    static = next((path for path in candidates if path.is_file() and is_static(path)), None)
    if static is None:
        raise Usage(
            "demo: expected a statically linked busybox to make images from, found none",
            advice="sudo apt-get install -y busybox-static",
        )
    return static


def is_static(program: Path) -> bool:
    """Whether a program runs without a dynamic loader, whose path a linked one names near its beginning."""
    with program.open("rb") as file:
        beginning = file.read(4096)
    return beginning.startswith(b"\x7fELF") and b"/ld-" not in beginning


def _build(connection: Connection, name: str, version: str, busybox: bytes) -> bool:
    files = tuple(_files(name, version, busybox))
    digest = hashlib.sha256(repr(files).encode()).hexdigest()[:32]
    changes = ('CMD ["/app/run"]', "WORKDIR /app", "ENV PATH=/bin")
    return import_image(connection, f"{PREFIX}/{name}:{version}", files, changes, digest)


def _files(name: str, version: str, busybox: bytes) -> Iterator[ScratchFile]:
    for folder in ("bin", "tmp", "app"):
        yield ScratchFile(path=folder, mode=0o1777 if folder == "tmp" else EXECUTABLE)
    yield ScratchFile(path="bin/busybox", content=busybox, mode=EXECUTABLE)
    for applet in APPLETS:
        yield ScratchFile(path=f"bin/{applet}", link="busybox")
    yield ScratchFile(path="app/version", content=f"{version}\n".encode())
    root = FILES / name
    for path in sorted(root.rglob("*")):
        entry = f"app/{path.relative_to(root).as_posix()}"
        if path.is_dir():
            yield ScratchFile(path=entry, mode=EXECUTABLE)
        else:
            # An installed package has lost the executable bits, so what starts by naming a shell is a program.
            content = path.read_bytes()
            yield ScratchFile(path=entry, content=content, mode=EXECUTABLE if content.startswith(b"#!") else 0o644)
