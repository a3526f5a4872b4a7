"""The JSON API under /api/v1: the same values as the pages, for programs. Only reads."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from agent.core.deliveries import DeliveryRecord
from agent.core.eventlog import Event
from agent.ports_web import View
from agent.web import documents, parameters
from agent.web.logs import LogReader
from agent.web.openapi import description
from agent.web.options import WebOptions
from agent.web.responses import json_error, json_reply
from agent.web.stream import HEADERS, EventStream
from agent.web.views.deliveries import select_deliveries
from agent.web.views.events import Filter, select_events

EVENTS, MAX_EVENTS = 100, 1000
LINES, MAX_LINES = 200, 5000


class Api:
    """One method a route; those that read the view run in a thread."""

    def __init__(self, view: View, options: WebOptions, logs: LogReader) -> None:
        self._view = view
        self._options = options
        self._logs = logs

    def status(self, request: Request) -> Response:
        return json_reply(request, self._view.status().as_dict())

    def workloads(self, request: Request) -> Response:
        return json_reply(request, documents.workloads_document(self._view.status()))

    def workload(self, request: Request) -> Response:
        detail = self._view.workload(request.path_params["name"])
        if detail is None:
            raise HTTPException(404, "there is no such workload on this host")
        return json_reply(request, documents.workload_document(detail))

    def plan(self, request: Request) -> Response:
        return json_reply(request, documents.plan_document(self._view.status()))

    def problems(self, request: Request) -> Response:
        return json_reply(request, documents.problems_document(self._view.status()))

    def events(self, request: Request) -> Response:
        limit = parameters.number(request, "limit", EVENTS, MAX_EVENTS)
        workload, before, trigger = (parameters.text(request, name) for name in ("workload", "before", "trigger"))
        asked = Filter(workload, parameters.severity(request), before, trigger)

        def fetch(count: int, before: str | None) -> tuple[Event, ...]:
            return self._view.events(count, workload, before)

        selected = select_events(fetch, limit, asked)
        found = [event.as_dict() for event in selected.items]
        return json_reply(request, {"events": found, "next": selected.next_before})

    def triggers(self, request: Request) -> Response:
        return json_reply(request, documents.triggers_document(self._view.triggers()))

    def trigger(self, request: Request) -> Response:
        detail = self._view.trigger(request.path_params["name"])
        if detail is None:
            raise HTTPException(404, "there is no such trigger on this host")
        return json_reply(request, documents.trigger_document(detail))

    def deliveries(self, request: Request) -> Response:
        limit = parameters.number(request, "limit", EVENTS, MAX_EVENTS)
        trigger, before = parameters.text(request, "trigger"), parameters.text(request, "before")

        def fetch(count: int, before: str | None) -> tuple[DeliveryRecord, ...]:
            return self._view.deliveries(count, trigger, before)

        selected = select_deliveries(fetch, limit, before, parameters.outcome(request))
        return json_reply(request, documents.deliveries_document(selected.items, selected.next_before))

    async def logs(self, request: Request) -> Response:
        name = request.path_params["name"]
        tail = parameters.number(request, "tail", LINES, MAX_LINES)
        if parameters.flag(request, "follow"):
            return await self._follow(request, name, tail)
        lines = await self._logs.read(name, tail)
        if lines is None:
            raise HTTPException(404, "there is no such workload on this host")
        return await run_in_threadpool(json_reply, request, {"workload": name, "lines": lines})

    async def _follow(self, request: Request, name: str, tail: int) -> Response:
        if await run_in_threadpool(self._view.workload, name) is None:
            raise HTTPException(404, "there is no such workload on this host")
        if request.method == "HEAD":
            return Response(headers=HEADERS)
        follower = self._logs.open(name, tail)
        if follower is None:
            return json_error(503, "TooManyStreams", "as many readers as allowed follow logs", {"retry-after": "10"})
        return EventStream(self._logs.events(follower), lambda: self._logs.leave(follower))

    def openapi(self, request: Request) -> Response:
        return json_reply(request, description(self._options.version))

    def healthz(self, request: Request) -> Response:  # noqa: ARG002 - the signature of an endpoint
        """The process is alive and answers."""
        return Response("ok\n", media_type="text/plain", headers={"cache-control": "no-store"})

    def readyz(self, request: Request) -> Response:  # noqa: ARG002
        """The agent does its work; 503 with the reasons while it does not."""
        reasons = self._view.unready()
        body = "".join(f"{reason}\n" for reason in reasons) or "ready\n"
        return Response(
            body.encode("utf-8", "replace"),
            status_code=503 if reasons else 200,
            media_type="text/plain",
            headers={"cache-control": "no-store"},
        )
