"""What all tests share: tests that need something of the machine say so by a marker, and fail, skip or run by it.

On a developer's machine a missing engine, browser or program skips what needs it, with the command that provides it.
Under CI (`CI` is set) every skip is a failure, because a green run must mean that everything ran.
"""

from __future__ import annotations

import os
import shutil
from functools import cache

import pytest

CI = bool(os.environ.get("CI"))
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@cache
def engine_missing() -> str:
    """Why no Docker Engine can be used, empty when one answers; asked once."""
    import docker
    from docker.errors import DockerException

    try:
        client = docker.from_env(timeout=10)
        client.ping()
        client.close()
    except DockerException as error:
        return f"no Docker Engine answers ({error}); run scripts/engine"
    return ""


def missing(item: pytest.Item) -> str:
    """What a test needs and the machine does not have, with the way to get it; empty when all is there."""
    if item.get_closest_marker("engine") and engine_missing():
        return engine_missing()
    if item.get_closest_marker("browser") and not any(map(shutil.which, BROWSERS)):
        return "no Chromium in PATH; run scripts/packages chromium"
    for marker in item.iter_markers("program"):
        program_name = marker.args[0]
        if not shutil.which(program_name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin"):
            return f"no {program_name} in PATH; `make test` installs it on Debian"
    return ""


def pytest_runtest_setup(item: pytest.Item) -> None:
    if reason := missing(item):
        pytest.skip(reason)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    """Under CI a skipped test has failed; an expected failure (`xfail`) is none of it."""
    report = yield
    if CI and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.longrepr = f"under CI nothing is skipped: {item.nodeid}: {reason}"
    return report


@pytest.fixture(scope="session")
def browser_path() -> str:
    """The Chromium of the system, for `executable_path` of a browser automation library."""
    return next(path for path in map(shutil.which, BROWSERS) if path)
