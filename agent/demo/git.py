"""The few git commands that a person would type, run by git itself, so that the demo shows nothing special.

Neither the user's signing key nor hooks take part, and no editor is ever opened.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from agent.core.reasons import Reason
from agent.errors import Stalled, Usage

PERSON = ("-c", "user.name=Astrid Lindgren", "-c", "user.email=astrid@lindgren.example")
PLAIN = ("-c", "commit.gpgsign=false", "-c", "core.hooksPath=/dev/null", "-c", "core.pager=cat")
TIME_LIMIT = 60


def git(folder: Path, *words: str, check: bool = True) -> str:
    """Run one git command in a folder; returns what it printed. Raises Usage or Stalled with git's own words."""
    command = ["git", "-C", str(folder), *PLAIN, *PERSON, *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIME_LIMIT, check=False)  # noqa: S603 - fixed words
    except FileNotFoundError:
        raise Usage("demo: expected git in PATH, found none", advice="sudo apt-get install -y git") from None
    if check and done.returncode != 0:
        raise Stalled(Reason.STEP_FAILED, f"git {words[0]} in {folder}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout.rstrip("\n")


def start_repository(folder: Path) -> str:
    """Make a repository of what is in the folder; returns the first commit."""
    git(folder, "init", "--quiet", "--initial-branch=main")
    return commit_all(folder, "Everything that runs at Lindgren Books")


def commit_all(folder: Path, message: str) -> str:
    """Commit all that changed; returns the commit."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", message)
    return git(folder, "rev-parse", "HEAD")
