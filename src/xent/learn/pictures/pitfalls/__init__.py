"""Pictures of chapter 8: what goes wrong."""
