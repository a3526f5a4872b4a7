"""Pierhead: a GitOps agent for Docker. The version is the distribution's, read once here."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("pierhead")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0.0.0"
