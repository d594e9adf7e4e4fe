"""Numbers to people and machines: JSON, progress, files that are whole or not there."""
