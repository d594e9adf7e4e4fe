"""The notebooks, one a chapter: they build controls, call pictures and show texts."""
