"""Trigger kinds, one pure file each with a `KIND`: whether a signal fires a binding, and why."""
