"""Charts as inline SVG: one file a chart, each from its part of the model."""
