"""Forgejo. It sends the headers of Gitea, Gogs and GitHub beside its own, so it is asked first."""

from __future__ import annotations

from agent.core.webhooks.gitea import gitea_like

VENDOR = gitea_like("forgejo", 10)
