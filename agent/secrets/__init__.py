"""Secrets: looked up by name in the providers of the host settings, and kept out of everything people can read."""
