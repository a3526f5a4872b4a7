"""Whether an image is the one that a trigger is about, by Docker's rules for names.

Where the trigger names a Registry document and its image no host, the host is that registry's, and only paths compare.
"""

from __future__ import annotations

from agent.core.model import Config
from agent.core.values import DOCKER_HUB, ImageName, InvalidValue, parse_image

_LIBRARY = "library/"


def image_of(config: Config) -> ImageName:
    """The image that a trigger is about; raises InvalidValue."""
    return parse_image(str(config.get("image", "")))


def is_about(config: Config, image: str) -> bool:
    """Whether `image` (`host/path`) is the trigger's."""
    try:
        wanted, found = image_of(config), parse_image(image)
    except InvalidValue:
        return False
    if "registry" in config and wanted.host == DOCKER_HUB and not _names_host(config):
        return wanted.path.removeprefix(_LIBRARY) == found.path.removeprefix(_LIBRARY)
    return wanted.repository == found.repository


def _names_host(config: Config) -> bool:
    first, slash, _ = str(config["image"]).partition("/")
    return bool(slash) and "." in first
