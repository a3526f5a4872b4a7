"""The config repository and what it takes to reach it: address, login, push rights, clock, secrets."""

from __future__ import annotations

import email.utils
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from agent.cli.checks.engine import check_skew
from agent.cli.checks.result import Check
from agent.errors import PierheadError
from agent.ports import Clock, Secrets
from agent.settings import AgentSettings, SecretProviderSettings

_CLOCK_TIMEOUT = 5.0


class RepositoryAccess(Protocol):
    """What `agent.repository.access.Access` offers."""

    def read(self) -> str | None: ...

    def write(self) -> None: ...


def check_repository(settings: AgentSettings, access: RepositoryAccess) -> Iterator[Check]:
    """Whether the branch is there, and whether status can be pushed."""
    branch = settings.repo.branch
    try:
        commit = access.read()
    except PierheadError as error:
        yield Check("repository", "fail", error.message, error.advice or "check repo.url and the connection")
        return
    if commit is None:
        fix = f"push a first commit (git push origin {branch}), or set repo.branch"
        yield Check("repository", "fail", f"it can be read, but has no branch {branch}", fix)
    else:
        yield Check("repository", "ok", f"{branch} is at {commit[:10]}")
    yield _check_push(settings, access)


def _check_push(settings: AgentSettings, access: RepositoryAccess) -> Check:
    write_back = settings.write_back
    if not write_back.push or not (write_back.notes or write_back.branch):
        return Check("push", "info", "not needed: write_back is off")
    try:
        access.write()
    except PierheadError as error:
        fix = error.advice or "give the login the right to push, or set write_back.push to false"
        return Check("push", "fail", error.message, fix)
    return Check("push", "ok", "this login may push")


def check_secrets(settings: AgentSettings, secrets: Secrets) -> Iterator[Check]:
    """Whether the secrets that the host settings name can be looked up, and the providers be asked."""
    for provider in settings.secrets:
        yield from _check_provider(provider)
    named = {
        "repo.password": settings.repo.password,
        "repo.ssh_key": settings.repo.ssh_key,
        "webhook.config_secret": settings.webhook.config_secret,
    }
    for setting, name in named.items():
        if name is not None:
            yield _check_secret(setting, name, secrets)


def _check_secret(setting: str, name: str, secrets: Secrets) -> Check:
    try:
        secrets.value(name)
    except PierheadError as error:
        return Check("secret", "fail", f"{setting}: {error.message}", error.advice)
    return Check("secret", "ok", f"{setting}: {name} is there")


def _check_provider(provider: SecretProviderSettings) -> Iterator[Check]:
    if provider.kind == "files":
        folder = Path(provider.path or "/run/secrets")
        if not os.access(folder, os.R_OK | os.X_OK):
            fix = "make the folder readable for the agent's user, or take the provider out of the settings"
            yield Check("secrets", "warn", f"{folder} is not there or not readable", fix)
    if provider.kind == "age" and provider.key:
        yield _check_identity(Path(provider.key))


def _check_identity(path: Path) -> Check:
    try:
        mode = path.stat().st_mode & 0o777
        path.open("rb").close()
    except OSError as error:
        fix = f"age-keygen -o {path}, readable for the agent's user only"
        return Check("secrets", "fail", f"age identity {path}: {error.strerror}", fix)
    if mode & 0o077:
        return Check("secrets", "warn", f"age identity {path} has mode {mode:o}", f"chmod 600 {path}")
    return Check("secrets", "ok", f"age identity {path}")


def check_remote_clock(url: str, clock: Clock) -> Iterator[Check]:
    """How far the git server's clock is from ours, where it tells (https)."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return
    port = f":{parts.port}" if parts.port else ""
    date = _date(f"{parts.scheme}://{parts.hostname}{port}/")
    if date is not None:
        yield check_skew("git server clock", date - clock.now(), "the git server")


def _date(url: str) -> float | None:
    """The `Date` header of whatever the server answers, in epoch seconds; None when it does not answer with one."""
    request = urllib.request.Request(url, method="HEAD")  # noqa: S310 - http or https, checked by the caller
    try:
        with urllib.request.urlopen(request, timeout=_CLOCK_TIMEOUT) as answer:  # noqa: S310 - the same
            header = answer.headers.get("Date")
    except urllib.error.HTTPError as error:
        header = error.headers.get("Date")
        error.close()
    except OSError:
        return None
    try:
        return email.utils.parsedate_to_datetime(header or "").timestamp()
    except ValueError:
        return None
