"""Makes the secret store of a host from its settings. Kinds are found by their file, nothing else lists them."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from importlib import import_module

from agent.errors import Usage
from agent.secrets import providers
from agent.secrets.key import load_key
from agent.secrets.provider import Provider, Surroundings
from agent.secrets.store import SecretStore
from agent.settings import AgentSettings, SecretProviderSettings

DEFAULTS = (SecretProviderSettings(kind="files"), SecretProviderSettings(kind="env"))


def provider_kinds() -> tuple[str, ...]:
    """The kinds that `secrets[].kind` of the host settings may name."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(providers.__path__)))


def build_provider(settings: SecretProviderSettings, surroundings: Surroundings) -> Provider:
    if settings.kind not in provider_kinds():
        raise Usage(
            f"secrets: expected a kind of {', '.join(provider_kinds())}, found {settings.kind!r}",
            advice="correct `kind` in the host settings",
        )
    build: Callable[[SecretProviderSettings, Surroundings], Provider]
    build = import_module(f"{providers.__name__}.{settings.kind}").build
    return build(settings, surroundings)


def build_providers(
    settings: AgentSettings, environment: Mapping[str, str], read_path: Callable[[str], bytes | None]
) -> list[Provider]:
    """The configured providers, in their order; files and environment where none is configured."""
    surroundings = Surroundings(environment=environment, read_path=read_path)
    return [build_provider(one, surroundings) for one in settings.secrets or DEFAULTS]


def build_secrets(
    settings: AgentSettings, environment: Mapping[str, str], read_path: Callable[[str], bytes | None]
) -> SecretStore:
    """The store of a host. `read_path` reads a file of the config repository at the revision followed now.

    It is called by lookups only, and returns None while there is no repository: the secret with which the repository is
    fetched comes from another provider.
    """
    return SecretStore(build_providers(settings, environment, read_path), load_key(settings.data_dir))
