"""Gogs. It sends the headers of GitHub beside its own, and announces a new tag by `create` alone."""

from __future__ import annotations

from agent.core.webhooks.gitea import gitea_like

VENDOR = gitea_like("gogs", 30, creates_tags=True)
