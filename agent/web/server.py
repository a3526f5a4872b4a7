"""Serves apps at one or two addresses from one thread and one event loop; installs no signal handler.

Addresses are bound by the caller's thread before anything else starts, so that an address that cannot be had is told
at once and in the words of the setting that names it. Stopping ends open streams first and takes less than two seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import importlib.util
import logging
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import uvicorn
from starlette.applications import Starlette

from agent.errors import Usage
from agent.ports_web import Ingress, View
from agent.web.app import close, create_app, create_ingress_app, create_status_app
from agent.web.options import WebOptions

START_TIMEOUT = 10.0
STOP_TIMEOUT = 2.0
MAX_CONNECTIONS = 512

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Site:
    """An app, the `host:port` where it is served, and the setting that says so."""

    app: Starlette
    address: str
    setting: str = "listen.status"


def sites(view: View, ingress: Ingress, options: WebOptions, addresses: tuple[str, str]) -> tuple[Site, ...]:
    """What to serve for the status and webhook addresses: one site when they are equal, else two."""
    status, webhooks = addresses
    if status == webhooks:
        return (Site(create_app(view, ingress, options), status),)
    return (
        Site(create_status_app(view, options), status),
        Site(create_ingress_app(ingress, options), webhooks, "listen.webhooks"),
    )


def webhook_outcomes(served: Sequence[Site]) -> Mapping[tuple[str, str], int]:
    """How many deliveries came, by trigger (empty where there is none) and outcome. From any thread."""
    ingresses = (site.app.state.webhooks for site in served)
    return dict(next((one.outcomes for one in ingresses if one is not None), {}))


class _Server(uvicorn.Server):
    """uvicorn's server, waiting for its end instead of looking for it ten times a second."""

    def __init__(self, site: Site) -> None:
        config = uvicorn.Config(
            site.app,
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            limit_concurrency=MAX_CONNECTIONS,
            timeout_keep_alive=20,
            timeout_graceful_shutdown=1,
        )
        super().__init__(config)
        self._app = site.app
        self._ending = asyncio.Event()

    async def main_loop(self) -> None:
        while not await self.on_tick(0):  # brings the Date header up to date
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self._ending.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        for connection in tuple(self.server_state.connections):  # whoever does not read what is left for him
            connection.transport.abort()
        await asyncio.sleep(0)

    def end(self) -> None:
        """Begin to stop; from the event loop's thread."""
        close(self._app)
        self.should_exit = True
        self._ending.set()


class WebServer:
    """Start once, stop once; also a context manager. `addresses` are those really bound (port 0 gives a free one)."""

    def __init__(self, served: Sequence[Site]) -> None:
        self._sites = tuple(served)
        self._sockets: list[socket.socket] = []
        self._servers: list[_Server] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, name="web", daemon=True)
        self.addresses: tuple[str, ...] = ()

    def start(self) -> None:
        """Bind and serve; raises Usage when an address cannot be had."""
        try:
            for site in self._sites:
                self._sockets.append(bind(site.address, site.setting))
        except Usage:
            self._close_sockets()
            raise
        self.addresses = tuple(_text(one) for one in self._sockets)
        self._thread.start()
        self._started.wait(START_TIMEOUT)

    def stop(self) -> None:
        """End streams, finish what is being answered, stop; at most two seconds."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # it ended by itself
                self._loop.call_soon_threadsafe(self._end)
        if self._thread.is_alive():
            self._thread.join(STOP_TIMEOUT)
        self._close_sockets()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _end(self) -> None:
        for server in self._servers:
            server.end()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._servers = [_Server(site) for site in self._sites]
        serving = [
            asyncio.ensure_future(server.serve([one])) for server, one in zip(self._servers, self._sockets, strict=True)
        ]
        self._started.set()
        await asyncio.gather(*serving)

    def _close_sockets(self) -> None:
        for one in self._sockets:
            one.close()


def serve(served: Sequence[Site], stop: threading.Event) -> None:
    """Serve until `stop` is set."""
    with WebServer(served):
        stop.wait()


def bind(address: str, setting: str) -> socket.socket:
    """A listening socket at `host:port`; raises Usage that says which setting to change and why."""
    host, port = split_address(address, setting)
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        one = socket.socket(family, kind, protocol)
        try:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind(where)
            one.listen(1024)
        except OSError:
            one.close()
            raise
    except OSError as error:
        raise _refused(address, setting, error) from error
    return one


def split_address(address: str, setting: str) -> tuple[str, int]:
    """Host and port of `host:port`, `[v6]:port` or `:port`."""
    host, colon, port = address.rpartition(":")
    if not colon or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise Usage(
            f"{setting}: expected host:port with a port up to 65535, found {address!r}",
            advice=f"write it like {setting}: 127.0.0.1:8420",
        )
    return host.removeprefix("[").removesuffix("]"), int(port)


def _refused(address: str, setting: str, error: OSError) -> Usage:
    port = address.rpartition(":")[2]
    other = f"choose another address by {setting}, by --listen or by PIERHEAD_LISTEN_*"
    causes = {
        errno.EADDRINUSE: ("is in use already", f"end what listens there (ss -ltnp 'sport = :{port}'), or {other}"),
        errno.EACCES: ("is not permitted to this user", f"use a port of 1024 or more: {other}"),
        errno.EADDRNOTAVAIL: ("is not an address of this machine", other),
    }
    finding, advice = causes.get(error.errno or 0, (f"cannot be used: {error.strerror or error}", other))
    return Usage(f"{setting}: {address} {finding}", advice=advice)


def _text(one: socket.socket) -> str:
    host, port = one.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The loop of uvloop where it is installed, else the standard one."""
    if importlib.util.find_spec("uvloop") is None:
        return None
    uvloop = importlib.import_module("uvloop")
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory
