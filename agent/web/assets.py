"""Style sheet, scripts and icons: read once into memory, served by name only, so that no path can lead elsewhere.

A link carries a hash of the content and may be kept for a year; the same name without it is checked each time.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import resources

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from agent.web.responses import tagged

MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
FOREVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it is served."""

    body: bytes
    media_type: str
    version: str


class Assets:
    """GET /static/{name}."""

    def __init__(self) -> None:
        folder = resources.files("agent.web").joinpath("static")
        self._assets = {one.name: _asset(one.name, one.read_bytes()) for one in folder.iterdir() if _served(one.name)}

    def link(self, name: str) -> str:
        """The address under which a browser may keep the file."""
        return f"/static/{name}?v={self._assets[name].version}"

    def __call__(self, request: Request) -> Response:
        asset = self._assets.get(request.path_params["name"])
        if asset is None:
            raise HTTPException(404)
        fresh = request.query_params.get("v") == asset.version
        return tagged(request, asset.body, asset.media_type, {"cache-control": FOREVER} if fresh else None)


def _served(name: str) -> bool:
    return name[name.rfind(".") :] in MEDIA_TYPES


def _asset(name: str, body: bytes) -> Asset:
    version = hashlib.blake2b(body, digest_size=6).hexdigest()
    return Asset(body, MEDIA_TYPES[name[name.rfind(".") :]], version)
