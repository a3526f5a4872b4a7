"""`pierhead init`: writes the skeleton of a config repository. Asks nothing, overwrites nothing."""

from __future__ import annotations

import argparse
import shlex
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from agent.errors import Usage
from agent.schema_files import schema_folder

# A dot file in the package would be left out by some build tools.
_RENAMED = {"gitignore": ".gitignore"}

NEXT_STEPS = """\

next:
  cd {folder}
  pierhead validate
  git init -b main && git add . && git commit -m "First workload"
  git remote add origin URL && git push -u origin main
  pierhead doctor --repo URL      checks this machine, and says how to mend what is not right
  pierhead run --repo URL         follows the repository; the page is at http://127.0.0.1:8420/
"""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "init",
        help="make the skeleton of a config repository",
        description="Write a config repository that can be pushed as it is: one workload, settings, schemas for the"
        " editor, and an example of the agent's own settings.",
    )
    parser.add_argument("folder", nargs="?", default=".", metavar="DIR", help="where to write (default: here)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the files and say what to do next."""
    folder = Path(arguments.folder)
    written = write_skeleton(folder)
    print(f"wrote {len(written)} files to {folder.absolute()}:")
    for path in written:
        print(f"  {path}")
    print(NEXT_STEPS.format(folder=shlex.quote(str(folder))))
    return 0


def write_skeleton(folder: Path) -> tuple[str, ...]:
    """Write all files, or none where one of them is there already; return their paths."""
    content = {**_skeleton(files("agent.cli") / "skeleton"), **_schemas()}
    present = [path for path in sorted(content) if (folder / path).exists()]
    if present:
        raise Usage(
            f"init: expected a folder without {', '.join(present)}, found them in {folder.absolute()}",
            advice="choose another folder, or move these files away; nothing was written",
        )
    try:
        for path, data in content.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise Usage(f"init: {error.filename}: {reason}", advice="choose a folder that you can write to") from None
    return tuple(sorted(content))


def _skeleton(folder: Traversable, prefix: str = "") -> dict[str, bytes]:
    """Files of the skeleton by the path they get."""
    content: dict[str, bytes] = {}
    for entry in folder.iterdir():
        if entry.is_dir():
            content |= _skeleton(entry, f"{prefix}{entry.name}/")
        else:
            content[prefix + _RENAMED.get(entry.name, entry.name)] = entry.read_bytes()
    return content


def _schemas() -> dict[str, bytes]:
    """The schemas, so that the modeline of each file works without the network."""
    root = schema_folder()
    return {f"schemas/{path.relative_to(root).as_posix()}": path.read_bytes() for path in root.rglob("*.schema.json")}
