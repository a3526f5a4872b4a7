"""How answers leave: JSON that always encodes, entity tags, and the headers that keep a browser strict."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agent.errors import PierheadError

SECURITY_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}

_RAW_HEADERS = tuple((name.encode(), value.encode()) for name, value in SECURITY_HEADERS.items())


class SecurityHeaders:
    """ASGI middleware that adds the security headers to every answer that lacks them."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message.get("headers", ())
                present = {name for name, _ in headers}
                message["headers"] = [*headers, *(pair for pair in _RAW_HEADERS if pair[0] not in present)]
            await send(message)

        await self._app(scope, receive, send_with_headers if scope["type"] == "http" else send)


def plain(value: object) -> object:
    """The value as JSON can hold it: unknown types as text, numbers that are none as null."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (bool, int)):
        return value
    return str(value)


def encode(value: object) -> bytes:
    """Compact UTF-8 JSON. Lone surrogates become question marks rather than an error."""
    return json.dumps(plain(value), ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def entity_tag(body: bytes) -> str:
    return f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'


def tagged(request: Request, body: bytes, media_type: str, headers: Mapping[str, str] | None = None) -> Response:
    """A cacheable answer that is checked again each time: 304 without a body when the client has it already."""
    tag = entity_tag(body)
    all_headers = {"cache-control": "no-cache", **(headers or {}), "etag": tag}
    if tag in _known_tags(request):
        return Response(status_code=304, headers=all_headers)
    return Response(body, media_type=media_type, headers=all_headers)


def _known_tags(request: Request) -> set[str]:
    raw = request.headers.get("if-none-match", "")
    return {part.strip().removeprefix("W/") for part in raw.split(",")}


def json_reply(request: Request, value: object) -> Response:
    return tagged(request, encode(value), "application/json")


def json_error(status: int, reason: str, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """The one shape of every error under /api and /webhook."""
    body = encode({"error": {"reason": reason, "message": message}})
    return Response(body, status, {"cache-control": "no-store", **(headers or {})}, media_type="application/json")


def unavailable(error: PierheadError) -> Response:
    """What the view could not tell now, said in the error's own words."""
    return json_error(503, str(error.reason), str(error), {"retry-after": "5"})
