"""Numbers to people and machines: JSON, tables, figures, progress, and the page."""
