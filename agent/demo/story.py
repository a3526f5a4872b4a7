"""The demo as a list of steps: images, config repository, agent, five workloads `Synced`, one commit, its deploy.

Every step checks what it promises; the first that does not hold ends the demo with its cause. Whatever was made on the
engine is removed at the end.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from agent.core.reasons import Reason
from agent.demo.git import commit_all, git, start_repository
from agent.demo.images import PREFIX, build_images
from agent.demo.narrator import Narrator
from agent.demo.place import BUILD_HOOK, HOST, SHOP, Place, make_place
from agent.demo.process import AgentProcess, pierhead, stop_left_over
from agent.demo.watching import (
    HANDBOOK_ADDRESS,
    SHOP_ADDRESS,
    Seen,
    event_lines,
    post,
    shop_version,
    status_note,
    wait_until,
    workloads,
)
from agent.engine.connection import Connection
from agent.engine.scratch import remove_host
from agent.errors import Stalled

SYNCED = ("db", "handbook", "mailer", "reports", "shop")
SUSPENDED = ("old-shop", "old-shop-preview")
OLD, NEW = "1.0.0", "1.1.0"
DEPLOY_LIMIT = 120.0
WRITE_LIMIT = 30.0


class Progress:
    """Says each change of a phase once."""

    def __init__(self, narrator: Narrator) -> None:
        self._narrator = narrator
        self._known: dict[str, Seen] = {}

    def look(self, seen: Mapping[str, Seen]) -> Mapping[str, Seen]:
        """Say what is new, and return the same."""
        for name, one in seen.items():
            if name not in self._known or self._known[name].phase != one.phase:
                self._narrator.say(f"{name:9} {one.phase:12} {one.message}")
            self._known[name] = one
        return seen


@dataclass(slots=True)
class Demo:
    """One run. `listen` is the address of the page, `engine_url` the engine that everything runs on."""

    place: Place
    listen: str
    engine_url: str
    narrator: Narrator = field(default_factory=Narrator)
    agent: AgentProcess | None = None
    progress: Progress = field(init=False)

    def __post_init__(self) -> None:
        self.progress = Progress(self.narrator)

    def tell(self) -> None:
        """All steps up to the new version that answers and the words in git; the agent is left running."""
        connection = Connection(self.engine_url)
        try:
            self._prepare(connection)
        finally:
            connection.close()
        first = self._repository()
        self._start()
        self._all_synced(first)
        second = self._change()
        self._deployed(second)
        self._written(second)
        self._pushed()

    def end(self) -> int:
        """Stop the agent and remove what the demo made on the engine; its folder stays. Returns its exit code."""
        code = self.agent.stop() if self.agent else 0
        removed = clean(self.place, self.engine_url)
        self.narrator.say(f"agent stopped (exit code {code}); {removed} containers, volumes and networks removed")
        if self.place.repository.is_dir():
            self.narrator.say(f"the history stays: git -C {self.place.repository} log --notes='pierhead/*'")
        return code

    # Steps

    def _prepare(self, connection: Connection) -> None:
        with self.narrator.step("Make the images from scratch; no registry is asked"):
            if stop_left_over(self.place):
                self.narrator.say("the agent of an earlier demo was still running and was stopped")
            remove_host(connection, HOST)
            for address in (self.listen, SHOP_ADDRESS, HANDBOOK_ADDRESS):
                require_free(address)
            for name, made in build_images(connection).items():
                self.narrator.say(f"{name} {'made' if made else 'is there'}")

    def _repository(self) -> str:
        with self.narrator.step(f"Copy the example to a new config repository: {self.place.repository}"):
            make_place(self.place, self.listen)
            commit = start_repository(self.place.repository)
            self.narrator.quote(git(self.place.repository, "log", "--stat", "--oneline").splitlines(), most=20)
        return commit

    def _start(self) -> None:
        with self.narrator.step(f"Start the agent: pierhead run --config {self.place.config}"):
            self.agent = AgentProcess(self.place)
            self._wait("the page", lambda: bool(workloads(self.listen)), WRITE_LIMIT)
            self.narrator.say(f"page: http://{self.listen}/")

    def _all_synced(self, commit: str) -> None:
        with self.narrator.step(f"Wait until {len(SYNCED)} workloads are Synced; one is suspended on purpose"):

            def done() -> bool:
                seen = self.progress.look(workloads(self.listen))
                synced = all(name in seen and seen[name].phase == "Synced" for name in SYNCED)
                return synced and all(name in seen and seen[name].phase == "Suspended" for name in SUSPENDED)

            self._wait("all workloads", done, DEPLOY_LIMIT)
            self._wait(f"the shop at {OLD}", lambda: shop_version() == OLD, WRITE_LIMIT)
            self.narrator.say(f"shop: http://{SHOP_ADDRESS}/ answers with version {OLD} (config commit {commit[:10]})")

    def _change(self) -> str:
        with self.narrator.step("Change one line and commit it"):
            document = self.place.repository / SHOP
            text = document.read_text(encoding="utf-8")
            document.write_text(text.replace(f"tag: {OLD}", f"tag: {NEW}"), encoding="utf-8")
            difference = git(self.place.repository, "diff", "--unified=0", "--", SHOP)
            commit = commit_all(self.place.repository, f"shop: {OLD} → {NEW}")
            self.narrator.quote(_changed_lines(difference))
            self.narrator.say(f"committed as {commit[:10]}; that is all a person does")
        return commit

    def _deployed(self, commit: str) -> None:
        with self.narrator.step(f"Watch version {NEW} being deployed"):

            def done() -> bool:
                shop = self.progress.look(workloads(self.listen)).get("shop")
                return shop is not None and shop.phase == "Synced" and shop_version() == NEW

            self._wait(f"the shop at {NEW}", done, DEPLOY_LIMIT)
            self.narrator.say(f"shop: http://{SHOP_ADDRESS}/ answers with version {NEW} (config commit {commit[:10]})")

    def _written(self, commit: str) -> None:
        with self.narrator.step("Read it in git: the note under the commit, the event log on a branch"):
            repository = self.place.repository
            self._wait("the note", lambda: '"Synced"' in status_note(repository, commit), WRITE_LIMIT)
            self._wait("the event log", lambda: _deploys_of_shop(event_lines(repository)) >= 2, WRITE_LIMIT)
            self.narrator.say("$ git log -1 --notes='pierhead/*'")
            self.narrator.quote(git(repository, "log", "-1", "--notes=pierhead/*").splitlines(), most=10)
            self.narrator.say(f"$ pierhead status --repo {repository}")
            self.narrator.quote(pierhead("status", "--repo", str(repository)).splitlines(), most=20)
            self.narrator.say(f"$ git show pierhead/{HOST}:events/…")
            self.narrator.quote(event_lines(repository)[-4:])

    def _pushed(self) -> None:
        """What a build server would do after it made an image; the commit is then the agent's own."""
        repository = self.place.repository
        with self.narrator.step("Tell the agent of a new image, as a build server does"):
            body = json.dumps({"image": f"{PREFIX}/handbook:{NEW}"})
            secret = (self.place.host / "secrets" / BUILD_HOOK).read_text(encoding="utf-8")
            status, answer = post(self.listen, "/webhook/builds", body, secret)
            self.narrator.say(f"POST /webhook/builds {body} is answered {status} {answer}")
            self._wait("the commit", lambda: git(repository, "log", "-1", "--format=%an") == "Pierhead", WRITE_LIMIT)
            self.narrator.quote(git(repository, "log", "-1", "--format=%an: %B").splitlines(), most=6)
            self.narrator.quote(_changed_lines(git(repository, "show", "--format=", "--unified=0")))
            self._wait(f"the handbook at {NEW}", self._handbook_is_new, DEPLOY_LIMIT)
            self.narrator.say(f"handbook: http://{HANDBOOK_ADDRESS}/ is served by {PREFIX}/handbook:{NEW} now")

    def _handbook_is_new(self) -> bool:
        one = self.progress.look(workloads(self.listen)).get("handbook")
        return one is not None and one.phase == "Synced" and one.image.endswith(f":{NEW}")

    def _wait(self, what: str, true: Callable[[], bool], seconds: float) -> None:
        def checked() -> bool:
            if self.agent:
                self.agent.check()
            return true()

        wait_until(what, checked, self._last, seconds)

    def _last(self) -> str:
        seen = [f"  {name}: {one.phase} ({one.reason}) {one.message}" for name, one in workloads(self.listen).items()]
        return "\n".join([*seen, "and from the agent:", self.agent.tail() if self.agent else "  it was not started"])


def clean(place: Place, engine_url: str) -> int:
    """Stop an agent that was left, and remove all that demos made on the engine; returns how much that was."""
    stop_left_over(place)
    connection = Connection(engine_url)
    try:
        return remove_host(connection, HOST)
    finally:
        connection.close()


def require_free(address: str) -> None:
    """Raise Stalled when somebody listens at the address already."""
    host, _, port = address.rpartition(":")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, int(port)))
        except OSError as error:
            raise Stalled(
                Reason.PORT_TAKEN,
                f"{address}: expected to be free for the demo, found it taken ({error.strerror})",
                advice=f"see who listens with: ss -ltnp 'sport = :{port}'",
            ) from None


def _changed_lines(difference: str) -> list[str]:
    return [line for line in difference.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]


def _deploys_of_shop(lines: list[str]) -> int:
    return sum(" shop " in line and f" {Reason.DEPLOYED} " in line for line in lines)
