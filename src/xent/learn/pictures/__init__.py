"""Pure functions, one file a chapter: numbers, computed by xent, and their pictures as SVG."""
