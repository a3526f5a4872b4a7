"""Puts routes, pages, API and ingress together. What is not listed here does not exist: 404, or 405 with `Allow`."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator, Sequence

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from agent.errors import PierheadError
from agent.ports_web import Ingress, View
from agent.web.api import Api
from agent.web.assets import Assets
from agent.web.changes import Changes
from agent.web.ingress import WebhookIngress
from agent.web.ingress_config import ConfigWebhook
from agent.web.logs import LogReader
from agent.web.metrics import Metrics
from agent.web.options import WebOptions
from agent.web.pages import Pages, Site
from agent.web.parameters import BadParameter
from agent.web.responses import SECURITY_HEADERS, SecurityHeaders, json_error, unavailable
from agent.web.stream import Stream

logger = logging.getLogger(__name__)


def create_app(view: View, ingress: Ingress, options: WebOptions) -> Starlette:
    """Everything at one address: pages, API, metrics and the webhook ingress."""
    webhooks = WebhookIngress(ingress, options)
    app = _with_view(view, options, _webhook_routes(webhooks, ConfigWebhook(ingress, options)))
    app.state.webhooks = webhooks
    return app


def create_status_app(view: View, options: WebOptions) -> Starlette:
    """Everything that only reads, for an address of its own."""
    return _with_view(view, options, [])


def create_ingress_app(ingress: Ingress, options: WebOptions) -> Starlette:
    """The webhook ingress alone, for an address that strangers can reach."""
    webhooks = WebhookIngress(ingress, options)
    routes = [*_webhook_routes(webhooks, ConfigWebhook(ingress, options)), Route("/healthz", _alive)]
    app = _application(routes, _Errors(None))
    app.state.webhooks = webhooks
    return app


def _webhook_routes(webhooks: WebhookIngress, config: ConfigWebhook) -> list[BaseRoute]:
    with_token = Route("/webhook/{trigger}/{token:path}", webhooks)  # an escaped slash is a part of the token
    with_token.path = with_token.path_format
    return [Route("/webhook/config", config), Route("/webhook/{trigger}", webhooks), with_token]


def _alive(request: Request) -> Response:  # noqa: ARG001 - the signature of an endpoint
    return Response("ok\n", media_type="text/plain", headers={"cache-control": "no-store"})


def _with_view(view: View, options: WebOptions, routes: list[BaseRoute]) -> Starlette:
    changes = Changes(view, options.max_streams)
    logs = LogReader(view, options.heartbeat)
    assets = Assets()
    pages = Pages(Site(view, options, changes, assets, logs))
    api = Api(view, options, logs)
    routes = [
        *routes,
        Route("/", pages.overview),
        Route("/workloads/{name}", pages.workload),
        Route("/triggers", pages.triggers),
        Route("/triggers/{name}", pages.trigger),
        Route("/events", pages.events),
        Route("/deliveries", pages.deliveries),
        Route("/problems", pages.problems),
        Route("/static/{name}", assets.__call__),
        *_api_routes(api, Stream(changes, options.heartbeat)),
        Route("/metrics", Metrics(view).__call__),
        Route("/healthz", api.healthz),
        Route("/readyz", api.readyz),
    ]
    app = _application(routes, _Errors(pages))
    app.state.closers = (changes.close, logs.close)
    return app


def _api_routes(api: Api, stream: Stream) -> list[BaseRoute]:
    return [
        Route("/api/v1/status", api.status),
        Route("/api/v1/workloads", api.workloads),
        Route("/api/v1/workloads/{name}", api.workload),
        Route("/api/v1/workloads/{name}/logs", api.logs),
        Route("/api/v1/triggers", api.triggers),
        Route("/api/v1/triggers/{name}", api.trigger),
        Route("/api/v1/events", api.events),
        Route("/api/v1/deliveries", api.deliveries),
        Route("/api/v1/problems", api.problems),
        Route("/api/v1/plan", api.plan),
        Route("/api/v1/stream", stream.__call__),
        Route("/api/v1/openapi.json", api.openapi),
    ]


def _application(routes: Sequence[BaseRoute], errors: _Errors) -> Starlette:
    app = Starlette(
        routes=routes,
        middleware=[Middleware(SecurityHeaders)],
        exception_handlers={
            HTTPException: errors.http,
            BadParameter: errors.bad_parameter,
            PierheadError: errors.unavailable,
            Exception: errors.bug,
        },
        lifespan=_lifespan,
    )
    app.router.redirect_slashes = False  # an answer built from the Host header would be one that others can forge
    app.state.closers = ()
    app.state.webhooks = None
    return app


@contextlib.asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    yield
    close(app)


def close(app: Starlette) -> None:
    """End its streams and stop listening to the view; from the thread of its event loop, more than once is fine."""
    for closer in app.state.closers:
        closer()


class _Errors:
    """How each kind of error is answered: JSON for programs, a page for people."""

    def __init__(self, pages: Pages | None) -> None:
        self._pages = pages

    async def http(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        headers = dict(error.headers or {})
        if self._pages is None or request.url.path.startswith(("/api", "/webhook", "/static")):
            reason = {404: "NotFound", 405: "MethodNotAllowed"}.get(error.status_code, "Error")
            return json_error(error.status_code, reason, error.detail, headers)
        response = await run_in_threadpool(self._pages.not_found, request, error.status_code)
        response.headers.update(headers)
        return response

    async def bad_parameter(self, request: Request, error: Exception) -> Response:  # noqa: ARG002
        return json_error(400, "BadParameter", str(error))

    async def unavailable(self, request: Request, error: Exception) -> Response:  # noqa: ARG002
        assert isinstance(error, PierheadError)
        return unavailable(error)

    async def bug(self, request: Request, error: Exception) -> Response:  # noqa: ARG002 - logged by the server
        response = json_error(500, "InternalError", "a bug in the agent; its log has the details")
        response.headers.update(SECURITY_HEADERS)
        return response
