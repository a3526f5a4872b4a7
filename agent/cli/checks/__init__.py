"""The checks of `pierhead doctor`, by what they look at. None of them changes anything."""
