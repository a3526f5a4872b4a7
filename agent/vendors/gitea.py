"""Gitea. It sends the headers of Gogs and GitHub beside its own; without a secret they are there, and empty."""

from __future__ import annotations

from agent.core.webhooks.gitea import gitea_like

VENDOR = gitea_like("gitea", 20)
