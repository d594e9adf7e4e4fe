"""Pictures of chapter 4: squared error or cross-entropy."""
