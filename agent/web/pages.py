"""The pages: read the view, build the view model, render, answer. They run in threads, never in the event loop.

Pages that depend on nothing but the view are kept per change, language and half a minute (ages are part of them).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from agent.core.deliveries import DeliveryRecord
from agent.core.detail import TriggerDetail, WorkloadDetail
from agent.core.eventlog import Event
from agent.core.status import HostStatus
from agent.errors import PierheadError
from agent.ports_web import View
from agent.web import language, parameters
from agent.web.assets import Assets
from agent.web.changes import Changes
from agent.web.logs import LogReader
from agent.web.options import WebOptions
from agent.web.pagecache import PageCache
from agent.web.responses import tagged
from agent.web.views.deliveries import DeliveryFilter, deliveries_page, select_deliveries
from agent.web.views.events import Filter, events_page, select_events
from agent.web.views.overview import Signals, headline, overview
from agent.web.views.problems import problems_page
from agent.web.views.text import one_line, short_commit
from agent.web.views.triggers import trigger_page, triggers_page
from agent.web.views.workload import Logs, log_lines, workload_page

FRESH = 30
EVENTS = 50
DELIVERIES = 50
KEPT = ("workload", "severity", "trigger", "outcome", "before")
"""Parameters that go along into another language."""
RECENT = 8
SEEN = 200
"""Events looked through for the one that says since when the commit is followed."""
LINES = 100
COOKIE = "pierhead_lang"
FRAGMENT = "pierhead-fragment"
YEAR = 365 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Site:
    """What all pages are made from."""

    view: View
    options: WebOptions
    changes: Changes
    assets: Assets
    logs: LogReader


class Pages:
    """One method a page."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._view = site.view
        self._cache = PageCache()

    def overview(self, request: Request) -> Response:
        return self._cached(request, partial(self._render_overview, request))

    def problems(self, request: Request) -> Response:
        return self._cached(request, partial(self._render_problems, request))

    def events(self, request: Request) -> Response:
        asked = Filter(*(parameters.lenient(request, name) for name in ("workload", "severity", "before", "trigger")))
        return self._cached(request, partial(self._render_events, request, asked), asked)

    def triggers(self, request: Request) -> Response:
        return self._cached(request, partial(self._render_triggers, request))

    def trigger(self, request: Request) -> Response:
        detail = self._view.trigger(request.path_params["name"])
        if detail is None:
            raise HTTPException(404)
        return self._cached(request, partial(self._render_trigger, request, detail))

    def deliveries(self, request: Request) -> Response:
        asked = DeliveryFilter(*(parameters.lenient(request, name) for name in ("trigger", "outcome", "before")))
        return self._cached(request, partial(self._render_deliveries, request, asked), asked)

    async def workload(self, request: Request) -> Response:
        """Not cached: its logs are as of now."""
        name = request.path_params["name"]
        detail = await run_in_threadpool(self._view.workload, name)
        if detail is None:
            raise HTTPException(404)
        logs = await self._read_logs(name)
        body = await run_in_threadpool(self._render_workload, request, detail, logs)
        return self._answer(request, body)

    def not_found(self, request: Request, status: int) -> Response:
        body = self._render(request, "error.html", self._view.status(), page=None, code=status)
        return Response(body, status, {"cache-control": "no-store"}, media_type="text/html")

    async def _read_logs(self, name: str) -> Logs:
        try:
            return log_lines(await self._site.logs.read(name, LINES) or ())
        except PierheadError as error:
            return Logs(trouble=one_line(error))

    def _render_overview(self, request: Request) -> bytes:
        status = self._view.status()
        seen = select_events(partial(self._fetch_events, None), SEEN, Filter())
        failing = sum(bool(one.trouble) for one in self._view.triggers())
        signals = Signals(failing=failing, pending=self._view.pending_updates())
        page = overview(status, self._view.unready(), seen.items, self._now(), signals)
        return self._render(request, "overview.html", status, page=page)

    def _render_problems(self, request: Request) -> bytes:
        status = self._view.status()
        return self._render(request, "problems.html", status, page=problems_page(status.problems))

    def _render_events(self, request: Request, asked: Filter) -> bytes:
        status = self._view.status()
        selected = select_events(partial(self._fetch_events, asked.workload), EVENTS, asked)
        triggers = [one.name for one in self._view.triggers()]
        page = events_page(selected, asked, status.workloads, triggers, self._now())
        return self._render(request, "events.html", status, page=page)

    def _render_triggers(self, request: Request) -> bytes:
        page = triggers_page(self._view.triggers(), self._now())
        return self._render(request, "triggers.html", self._view.status(), page=page)

    def _render_trigger(self, request: Request, detail: TriggerDetail) -> bytes:
        status = self._view.status()
        asked = Filter(severity="debug", trigger=detail.name)
        events = select_events(partial(self._fetch_events, None), RECENT, asked)
        traffic = (self._view.deliveries(RECENT, detail.name), events.items)
        page = trigger_page(detail, status.workloads, traffic, self._now())
        return self._render(request, "trigger.html", status, page=page)

    def _render_deliveries(self, request: Request, asked: DeliveryFilter) -> bytes:
        def fetch(count: int, before: str | None) -> tuple[DeliveryRecord, ...]:
            return self._view.deliveries(count, asked.trigger, before)

        selected = select_deliveries(fetch, DELIVERIES, asked.before, asked.outcome)
        names = frozenset(one.name for one in self._view.triggers())
        page = deliveries_page(selected, asked, names, self._now())
        return self._render(request, "deliveries.html", self._view.status(), page=page)

    def _fetch_events(self, workload: str | None, count: int, before: str | None) -> tuple[Event, ...]:
        return self._view.events(count, workload, before)

    def _render_workload(self, request: Request, detail: WorkloadDetail, logs: Logs) -> bytes:
        status = self._view.status()
        events = select_events(partial(self._fetch_events, detail.status.name), RECENT, Filter())
        page = workload_page(detail, status, events.items, self._now())
        return self._render(request, "workload.html", status, page=page, logs=logs)

    def _cached(self, request: Request, render: partial[bytes], asked: object = None) -> Response:
        period = int(self._now() // FRESH)
        key = (request.url.path, self._language(request), _fragment(request), asked, self._site.changes.current, period)
        return self._answer(request, self._cache.get(key, render))

    def _answer(self, request: Request, body: bytes) -> Response:
        headers = {"vary": f"Accept-Language, Cookie, {FRAGMENT}"}
        response = tagged(request, body, "text/html", headers)
        if request.query_params.get("lang") in language.LANGUAGES:
            response.set_cookie(COOKIE, self._language(request), max_age=YEAR, httponly=True, samesite="lax")
        return response

    def _render(self, request: Request, template: str, status: HostStatus, **values: object) -> bytes:
        from agent.web.templates import render

        translate = language.Translator(self._language(request))
        context = {
            "t": translate,
            "layout": "fragment.html" if _fragment(request) else "layout.html",
            "lang": translate.language,
            "languages": [(code, self._with_language(request, code)) for code in language.LANGUAGES],
            "asset": self._site.assets.link,
            "host": one_line(self._site.options.host, 100),
            "version": one_line(self._site.options.version, 40),
            "change": self._site.changes.current,
            "path": request.url.path,
            "ages": translate.section("age.") | translate.section("in."),
            "revision": short_commit(status.revision),
            "state": headline(status, self._view.unready()),
            "problem_count": len(status.problems),
        }
        return render(template, context | values)

    def _language(self, request: Request) -> str:
        accepted = request.headers.get("accept-language", "")
        return language.choose(request.query_params.get("lang"), request.cookies.get(COOKIE), accepted)

    @staticmethod
    def _with_language(request: Request, code: str) -> str:
        """The same page in another language; only parameters that pages know are carried over."""
        kept = {name: parameters.lenient(request, name) for name in KEPT}
        return "?" + urlencode({name: value for name, value in kept.items() if value} | {"lang": code})

    def _now(self) -> float:
        return self._site.options.now()


def _fragment(request: Request) -> bool:
    """Whether the script of an open page asks for what changed rather than for a whole page."""
    return FRAGMENT in request.headers
