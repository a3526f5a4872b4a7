"""Image registries: how to log in to each, and what they say about tags, digests and times."""
