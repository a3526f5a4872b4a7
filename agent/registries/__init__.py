"""Image registries: how to log in to each, by the Registry documents of the config repository."""
