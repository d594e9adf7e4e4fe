"""Cross-entropy done exactly."""
