"""What must hold for host settings: the schema, then what a schema cannot say. All findings are collected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from agent.core.kinds import Finding
from agent.core.schemas import Schemas
from agent.core.values import quoted
from agent.errors import Usage
from agent.settings_sources import Layers

_SECRET_TITLE = "a secret reference"  # noqa: S105 - how the title in the schema begins
_TOKEN_LENGTH = 20


def check(layers: Layers, schema: Mapping[str, Any]) -> None:
    """Raise Usage with every finding, in the order of their origins."""
    findings = [_guarded(one) for one in Schemas({"agent": schema}).check("agent", layers.document)]
    findings = findings or list(_further_findings(layers.document))
    if findings:
        lines = sorted({_line(layers, finding) for finding in findings})
        raise Usage("\n".join(lines), advice="docs/reference/agent.md describes every setting")


def _line(layers: Layers, finding: Finding) -> str:
    name = finding.pointer.removeprefix("/").replace("/", ".")
    place = f"{layers.origin(finding.pointer)}: {name}" if name else layers.origin(finding.pointer)
    text = f"{place}: expected {finding.expected}, found {finding.found}"
    return f"{text}; {finding.fix}" if finding.fix else text


def _guarded(finding: Finding) -> Finding:
    """The finding without text in the place of a secret, as that may be the secret; with the way to name the repo."""
    if finding.expected.startswith(_SECRET_TITLE):
        fix = "write {secret: NAME}, and put the value where a provider finds it under that name"
        return replace(finding, found="something else, not shown as it may be a secret", fix=fix)
    if finding.code == "MissingField" and finding.pointer in {"", "/repo"}:
        fix = "set it by --repo URL, PIERHEAD_REPO_URL or `repo: {url: …}` in the settings file"
        expected = "the address of the config repository"
        return replace(finding, pointer="/repo/url", expected=expected, found="nothing", fix=fix)
    return finding


def _wrong(pointer: str, expected: str, found: str, fix: str) -> Finding:
    return Finding(pointer=pointer, code="InvalidValue", expected=expected, found=found, fix=fix)


def _further_findings(document: Mapping[str, Any]) -> Iterator[Finding]:
    yield from _repository_findings(document["repo"])
    yield from _provider_findings(document.get("secrets", ()))
    host = document["host"]
    if ".." in host or host.endswith(".lock"):
        fix = "choose a name that can be part of a git branch"
        yield _wrong("/host", "a name without `..` that does not end in `.lock`", quoted(host), fix)
    for name, address in document.get("listen", {}).items():
        port = address.rpartition(":")[2]
        if int(port) > 65535:
            yield _wrong(f"/listen/{name}", "a port up to 65535", quoted(port), "choose another port")


def _repository_findings(repo: Mapping[str, Any]) -> Iterator[Finding]:
    url = repo["url"]
    remote = "://" in url and not url.startswith("file://")
    if remote and _has_password(url):
        fix = "write `username: …` and `password: {secret: NAME}` beside it, and take the password out of the address"
        yield _wrong("/repo/url", "an address without a password", "one with a password", fix)
    if remote and repo.get("worktree"):
        fix = "give the path of a local working tree as repo.url, or remove `worktree`"
        yield _wrong("/repo/worktree", "a local repository", "a remote one", fix)


def _has_password(url: str) -> bool:
    """Whether something secret stands before the `@`: a password, or what is too long for a name and so is a token."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "@" in url
    return parts.password is not None or len(parts.username or "") >= _TOKEN_LENGTH


def _provider_findings(providers: Any) -> Iterator[Finding]:
    for index, provider in enumerate(providers):
        kind, path = provider["kind"], provider.get("path", "/")
        if kind == "files" and not path.startswith("/"):
            fix = "write for example `path: /run/secrets`"
            yield _wrong(f"/secrets/{index}/path", "an absolute path", quoted(path), fix)
        if kind == "age" and "key" not in provider:
            fix = "add for example `key: /etc/pierhead/age.key`"
            yield _wrong(f"/secrets/{index}/key", "the path of the age identity file", "nothing", fix)
