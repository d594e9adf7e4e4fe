"""Differentiable tensors: the losses of `torch.nn`, exact, and what they lack."""
