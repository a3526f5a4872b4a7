"""`pierhead run`: the agent, until SIGTERM or SIGINT; SIGHUP reads the host settings again."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import queue
import signal
import threading
from types import FrameType

from agent.cli.options import add_host_options, settings_from
from agent.errors import PierheadError
from agent.running import Agent
from agent.settings import AgentSettings
from agent.wiring import start_agent

logger = logging.getLogger("pierhead")

DEADLINE = 9.0
HEARD_WITHIN = 1.0


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("run", help="run the agent beside its engine", description=__doc__)
    add_host_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run until told to stop; 0 after an orderly end."""
    settings = settings_from(arguments)
    signals: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _remember(signals))
    agent = start_agent(settings)
    _announce(settings)
    while _next(signals) == signal.SIGHUP:
        settings, agent = _reload(arguments, settings, agent)
    agent.stop()
    return 0


def _next(signals: queue.SimpleQueue[int]) -> int:
    """The next signal. Python runs handlers in this thread only, and one that another thread took does not wake it."""
    while True:
        with contextlib.suppress(queue.Empty):
            return signals.get(timeout=HEARD_WITHIN)


def _remember(signals: queue.SimpleQueue[int]):  # type: ignore[no-untyped-def]  # noqa: ANN202 - what signal.signal takes
    def handler(number: int, _frame: FrameType | None) -> None:
        signals.put(number)
        if number != signal.SIGHUP:
            last = threading.Timer(DEADLINE, _abandon)
            last.daemon = True
            last.start()

    return handler


def _abandon() -> None:
    """End now, whatever hangs (an engine that takes a call and never answers): the next start goes on from here."""
    logger.warning("not everything ended within %.0f s; the rest is abandoned", DEADLINE)
    os._exit(0)


def _announce(settings: AgentSettings) -> None:
    print(f"pierhead: host {settings.host} follows {settings.repo.branch}; page at http://{settings.listen.status}/")


def _reload(arguments: argparse.Namespace, settings: AgentSettings, agent: Agent) -> tuple[AgentSettings, Agent]:
    """Wrong settings leave the agent as it is; other ones start it anew, or as before where it cannot."""
    try:
        fresh = settings_from(arguments)
    except PierheadError as error:
        agent.settings_refused(str(error))
        return settings, agent
    if fresh == settings:
        agent.settings_unchanged()
        return settings, agent
    agent.stop()
    try:
        started = start_agent(fresh)
    except PierheadError as error:
        started = start_agent(settings)
        started.settings_refused(str(error))
        return settings, started
    started.settings_reloaded()
    return fresh, started
