"""What looks wrong with predictions, and what would help."""
