"""`python -m bench.webhook_servers agent|bare FOLDER TRIGGERS`: serves deliveries from a process of its own.

`agent` is the agent's own server and ingress on its own journal; `bare` is the least that anybody would write by hand:
verify the HMAC, commit one row as durably, answer. The address is printed; the end of standard input ends it.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import sqlite3
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from agent.chronicle import timestamp
from agent.clock import SystemClock
from agent.core.deliveries import DeliveryRecord
from agent.core.inbound import InboundEvent
from agent.core.inbox import Received
from agent.journal.ids import EventIds
from agent.journal.journal import SqliteJournal
from agent.ports_journal import Post
from agent.ports_web import WebhookTrigger
from agent.web.app import create_ingress_app
from agent.web.options import WebOptions
from agent.web.server import Site, WebServer, bind

SECRET = b"It's a Secret to Everybody"
NO_LIMIT = 1_000_000
ANY = "127.0.0.1:0"


class JournalIngress:
    """Implements `Ingress` on a journal, for triggers that are all alike."""

    def __init__(self, journal: SqliteJournal, clock: SystemClock, triggers: int) -> None:
        self._journal = journal
        self._clock = clock
        self._ids = EventIds(clock)
        self._triggers = {
            name: WebhookTrigger(name=name, vendor="auto", auth="signature", secrets=(SECRET,))
            for name in (f"trigger-{number}" for number in range(triggers))
        }

    def config_moved(self) -> None:
        """Nothing follows it here."""

    def webhook(self, name: str) -> WebhookTrigger | None:
        return self._triggers.get(name)

    def accept(
        self, trigger: str, events: Sequence[InboundEvent], keys: Mapping[str, float], post: Post
    ) -> Future[tuple[str, ...] | None]:
        now = self._clock.now()
        time = timestamp(now)
        received = [Received(id=self._ids.next(), trigger=trigger, time=time, event=event) for event in events]
        ids = tuple(one.id for one in received)
        result: Future[tuple[str, ...] | None] = Future()

        def stored(done: Future[bool]) -> None:
            error = done.exception()
            if error is not None:
                result.set_exception(error)
            else:
                result.set_result(ids if done.result() else None)

        until = now + max(keys.values(), default=0.0)
        self._journal.submit(received, list(keys), until=until, post=post).add_done_callback(stored)
        return result

    def delivered(self, record: DeliveryRecord) -> None:
        self._journal.append_delivery(record)

    def next_delivery_id(self) -> str:
        return self._ids.next()


def serve_agent(folder: Path, triggers: int) -> None:
    """The agent's ingress, until the end of standard input."""
    clock = SystemClock()
    journal = SqliteJournal(folder, clock)
    options = WebOptions(version="0", host="bench", webhook_rate=NO_LIMIT, webhook_burst=NO_LIMIT)
    app = create_ingress_app(JournalIngress(journal, clock, triggers), options)
    with WebServer([Site(app, ANY)]) as server:
        print(server.addresses[0], flush=True)
        sys.stdin.read()
    journal.close()


def bare_app(folder: Path) -> Starlette:
    """One endpoint."""
    connection = sqlite3.connect(folder / "bare.sqlite3", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL").fetchone()
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE IF NOT EXISTS inbox (id INTEGER PRIMARY KEY, body BLOB NOT NULL)")

    async def deliver(request: Request) -> Response:
        body = await request.body()
        expected = "sha256=" + hmac.new(SECRET, body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected, request.headers.get("x-hub-signature-256", "")):
            return JSONResponse({"outcome": "refused"}, 401)
        row = connection.execute("INSERT INTO inbox (body) VALUES (?)", (body,))
        return JSONResponse({"outcome": "accepted", "events": [row.lastrowid]}, 202)

    return Starlette(routes=[Route("/webhook/{trigger}", deliver, methods=["POST"])])


def serve_bare(folder: Path) -> None:
    """The bare endpoint, by the same server with the same settings, until the end of standard input."""
    socket = bind(ANY, "listen")
    config = uvicorn.Config(
        bare_app(folder),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
    )
    server = uvicorn.Server(config)

    async def serve() -> None:
        serving = asyncio.ensure_future(server.serve([socket]))
        print("{}:{}".format(*socket.getsockname()[:2]), flush=True)
        await asyncio.to_thread(sys.stdin.read)
        server.should_exit = True
        await serving

    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(serve())


if __name__ == "__main__":
    kind, where, count = sys.argv[1:]
    if kind == "agent":
        serve_agent(Path(where), int(count))
    else:
        serve_bare(Path(where))
