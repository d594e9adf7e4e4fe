"""How sure a mean loss is."""
