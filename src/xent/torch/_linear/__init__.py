"""Losses of ``hidden @ linear_weight.T`` that never hold the logits of all rows.

The logits of a block are made in one buffer, become their own gradient there, and are
multiplied into the gradients of `hidden` and `linear_weight` before the next block takes
their place.

arguments.py  the operands, checked; operands.py: their dtype under autocast, what serves them
plan.py       how large a block is, and what it costs
products.py   the matrix products around a block; mixed.py: those of 16 bits that are summed
              in 32
autograd.py   gradients in the forward pass, handed over in the backward
blockwise.py  "map over blocks of rows and add up", which its own derivatives are made of
explain.py    what `xent.kernels.explain` says

softmax/      exactly one class is true      filter/     what may be left out
sigmoid/      each label by itself           ranks/      a vocabulary that processes share
divergence/   a student beside a teacher
"""
