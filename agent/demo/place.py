"""The folder of a demo: a config repository made from the example, and beside it everything that belongs to the host.

Nothing outside the folder is written. A folder that holds something else than a demo is refused.
"""

from __future__ import annotations

import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

from agent.errors import Usage

HOST = "pierhead-demo"
SHOP = "workloads/shop.yaml"
BUILD_HOOK = "build-hook"
GENERATED_SECRETS = ("db-password", "registry-password", BUILD_HOOK)

CONFIG = """\
# Host settings of the demo: what one machine decides for itself (docs/reference/agent.md).
repo:
  url: {repository}
host: {host}
data_dir: {data}
volume_dir: {data}/volumes
listen: {listen}
write_back: {{flush: 500ms}}
secrets:
  - {{kind: files, path: {secrets}}}
  - {{kind: age, key: {age_key}}}
"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the parts of one demo are."""

    root: Path

    @property
    def repository(self) -> Path:
        return self.root / "repository"

    @property
    def host(self) -> Path:
        return self.root / "host"

    @property
    def config(self) -> Path:
        return self.host / "agent.yaml"

    @property
    def log(self) -> Path:
        return self.host / "agent.log"

    @property
    def process_id(self) -> Path:
        return self.host / "agent.pid"


def example_repository() -> Path:
    """The example: inside the installed package, else in the repository that this file lies in."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "_example"
    return installed if installed.is_dir() else package.parent / "example-repo"


def check_place(place: Place) -> None:
    """Refuse a folder that is not ours to empty; raises Usage."""
    if place.root.exists() and any(place.root.iterdir()) and not place.config.is_file():
        raise Usage(
            f"{place.root}: expected a folder of an earlier demo, or none, found other files",
            advice="name another one with --directory",
        )


def make_place(place: Place, listen: str) -> None:
    """Begin anew: the example copied, host settings written, secrets made up, each readable by their owner only."""
    check_place(place)
    shutil.rmtree(place.root, ignore_errors=True)
    shutil.copytree(example_repository(), place.repository)
    folder = place.host / "secrets"
    folder.mkdir(parents=True, mode=0o700)
    for name in GENERATED_SECRETS:
        write_private(folder / name, secrets.token_hex(16))
    age_key = place.host / "age.key"
    write_private(age_key, (Path(__file__).parent / "age.key").read_text(encoding="utf-8"))
    place.config.write_text(
        CONFIG.format(
            repository=place.repository,
            host=HOST,
            data=place.root / "data",
            listen=listen,
            secrets=folder,
            age_key=age_key,
        ),
        encoding="utf-8",
    )


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, from its first byte on."""
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
