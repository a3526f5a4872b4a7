"""The kinds of secret providers, one file each. The file's name is the kind; its `build` makes a provider."""
