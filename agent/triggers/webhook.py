"""The `webhook` kind: a delivery that proved where it came from, filtered by repository, ref, image, tag and paths."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from agent.core.inbound import GIT_PUSH, IMAGE_PUSH, MANUAL, PING, TAG_PUSH, InboundEvent
from agent.core.kinds import Finding
from agent.core.model import Config
from agent.core.patterns import check_glob, check_paths, check_pattern, found_in, glob_matches, wrong_paths
from agent.core.pins import Pinned, Version
from agent.core.triggers import Signal, TriggerKind, Verdict, Watch, WatchIngress

_SECRETS = ("secret", "previous_secret")
_PUSHES = (GIT_PUSH, TAG_PUSH, IMAGE_PUSH)
_FILTERS = ("repo", "ref", "image", "tag_pattern", "paths")


class WebhookKind:
    """Implements `agent.core.triggers.TriggerKind`."""

    @property
    def name(self) -> str:
        return "webhook"

    def check(self, config: Config) -> Iterable[Finding]:
        """Patterns and globs that compile."""
        yield from check_pattern("/tag_pattern", config.get("tag_pattern"))
        for field in ("repo", "image"):  # both are compared in lower case
            yield from check_glob(f"/{field}", str(config.get(field, "")).lower())
        yield from check_glob("/ref", config.get("ref"))
        yield from check_paths("/paths", config.get("paths"))

    def summary(self, config: Config) -> Mapping[str, str]:
        """Who sends, how it proves itself, and what is let through."""
        words = {"vendor": str(config.get("vendor", "auto")), "auth": str(config.get("auth", "signature"))}
        filters = {name: config[name] for name in _FILTERS if name in config}
        return words | {name: value if isinstance(value, str) else ", ".join(value) for name, value in filters.items()}

    def secret_names(self, config: Config) -> frozenset[str]:
        """The secret, and the one before it."""
        return frozenset(config[name]["secret"] for name in _SECRETS if name in config)

    def watches(self, config: Config) -> tuple[Watch, ...]:
        """Its address."""
        return (
            WatchIngress(
                vendor=str(config.get("vendor", "auto")),
                auth=str(config.get("auth", "signature")),
                secrets=tuple(config[name]["secret"] for name in _SECRETS if name in config),
            ),
        )

    def judge(self, config: Config, signal: Signal, pinned: Pinned) -> Verdict:
        """A delivery that every filter lets through, and whose image is the workload's own."""
        if not isinstance(signal, InboundEvent):
            return Verdict(fired=False, why="a list of images' tags is none of its business")
        if signal.type == MANUAL:
            return Verdict(fired=True, why=signal.text)
        if signal.type == PING:
            return Verdict(fired=False, why="the sender only tries whether anybody is there")
        if signal.type not in _PUSHES:
            return Verdict(fired=False, why=f"it fires on deliveries only, and this is a {signal.type}")
        for wrong in _reasons(config, signal, pinned):
            if wrong:
                return Verdict(fired=False, why=wrong)
        return Verdict(fired=True, why=signal.text, version=_version(signal))


def _version(event: InboundEvent) -> Version | None:
    """What the delivery says that can be pinned."""
    if event.type == IMAGE_PUSH:
        return Version(tag=event.image_tag, digest=event.digest)
    return Version(revision=event.commit) if event.commit else None


def _reasons(config: Config, event: InboundEvent, pinned: Pinned) -> Iterator[str]:
    """What each filter says against the event; empty where it lets it through."""
    yield _wrong_repo(config.get("repo"), event)
    yield _wrong_ref(config.get("ref"), event)
    yield _wrong_image(config.get("image"), event, pinned)
    tag = event.image_tag if event.type == IMAGE_PUSH else event.tag
    pattern = config.get("tag_pattern")
    yield "" if found_in(pattern, tag) else f"tag_pattern {pattern} finds nothing in {tag or 'no tag'}"
    yield wrong_paths(config.get("paths"), event.changed_paths)


def _wrong_repo(glob: str | None, event: InboundEvent) -> str:
    if glob is None or (event.repo is not None and glob_matches(glob.lower(), event.repo.lower())):
        return ""
    return f"it is about repository {glob}, found {event.repo or 'none'}"


def _wrong_ref(glob: str | None, event: InboundEvent) -> str:
    """A glob may mean the full ref or its short form."""
    names = [name for name in (event.ref, event.branch, event.tag) if name]
    if glob is None or any(glob_matches(glob, name) for name in names):
        return ""
    return f"it is about {glob}, found {event.ref or 'no ref'}"


def _wrong_image(glob: str | None, event: InboundEvent, pinned: Pinned) -> str:
    """An image must be the one that the workload runs: under the same name, or under one that the filter names.

    A sender that does not tell its registry is believed to be the workload's own.
    """
    if event.type != IMAGE_PUSH:
        return "" if glob is None else f"it is about image {glob}, and this is a {event.type}"
    image, own = event.image or "", pinned.image or ""
    same_path = bool(image and own) and _path(image) == _path(own)
    names = (image, own) if same_path and not _tells_host(image) else (image,)
    if glob is not None and not any(glob_matches(glob.lower(), name) for name in names):
        return f"it is about image {glob}, found {image or 'none'}"
    if pinned.image is None:
        return "the workload runs no image of its own"
    if own in names or (glob is not None and same_path):
        return ""
    return f"the workload runs {own}, and this is {image or 'no image'}"


def _tells_host(image: str) -> bool:
    """Whether the first part of an image's name is a host, by Docker's rule."""
    first, slash, _ = image.partition("/")
    return bool(slash) and (first == "localhost" or "." in first or ":" in first)


def _path(image: str) -> str:
    """The name without the host; what Docker Hub calls `library/nginx`, others call `nginx`."""
    path = image.partition("/")[2] if _tells_host(image) else image
    return path.removeprefix("library/")


KIND: TriggerKind = WebhookKind()
