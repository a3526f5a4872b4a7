"""What kind of place a repository URL names, and how it may be shown: never with what stands before the `@`."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

_USERINFO = re.compile(r"://[^/\s]*@")
_SCP = re.compile(r"^[^/\\:]+@[^/\\:]+:|^[^/\\:@.][^/\\:@]+:[^/]")


def redact(text: str) -> str:
    """The text with the user name and password of every URL in it replaced."""
    return _USERINFO.sub("://***@", text)


def local_path(url: str) -> Path | None:
    """The folder that a plain path or a file:// URL names; None for a remote."""
    if url.startswith("file://"):
        return Path(unquote(urlsplit(url).path))
    if "://" in url or _SCP.match(url):
        return None
    return Path(url).expanduser().absolute()


def is_ssh(url: str) -> bool:
    """Whether the URL is reached over ssh: `ssh://…` or `user@host:path`."""
    scheme = url.partition("://")[0]
    return scheme in {"ssh", "git+ssh", "ssh+git"} if "://" in url else _SCP.match(url) is not None


def for_libgit2(url: str) -> str:
    """The URL as libgit2 takes it: absolute for a local folder, as written otherwise."""
    path = local_path(url)
    return str(path) if path is not None else url


def same_repository(one: str, other: str) -> bool:
    """Whether two addresses name the same repository by the same way there, whoever logs in."""
    return _plain(one) == _plain(other)


def _plain(url: str) -> str:
    path = local_path(url)
    text = str(path) if path is not None else _USERINFO.sub("://", url)
    scheme, separator, rest = text.rstrip("/").removesuffix(".git").partition("://")
    if not separator:
        return scheme
    host, slash, where = rest.partition("/")
    return f"{scheme.lower()}://{host.lower()}{slash}{where}"
