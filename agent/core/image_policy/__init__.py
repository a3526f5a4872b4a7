"""Which tag of an image a registry trigger chooses: by semver, numerical, alphabetical, newest or digest.

All of it is pure. A choice never goes backwards by the policy's own order, and every answer says why.
"""
