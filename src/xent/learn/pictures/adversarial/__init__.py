"""Pictures of chapter 7: adversarial training."""
