"""Senders of webhooks, one pure file each with a `VENDOR`: how it signs, and what its deliveries say.

A file holds only what is peculiar to its sender; what several of them share is in `agent/core/webhooks/`.
"""
