"""The read-only page, the JSON API, metrics and the webhook ingress; the only importer of starlette.

What it knows comes through `View`, what it can cause goes through `Ingress`; nothing here changes desired state.
"""
