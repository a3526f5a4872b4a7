"""Changes of single values in YAML text: where they are written, and what to write in their place."""
