"""Losses of ``hidden @ linear_weight.T`` that never hold the logits of all rows.

The logits of a block are made in one buffer, become their own gradient there, and are
multiplied into the gradients of `hidden` and `linear_weight` before the next block takes
their place.

plan.py       how large a block is, and what it costs
task.py       what is asked for, and the part of it that belongs to some rows
products.py   the matrix products around a block
rows.py       blocks of rows with all classes: three products
tall.py       rows.py for a GPU and 16 bits: tall blocks of gradients, low blocks of logits;
              with tall_plan.py, weight_sums.py, and mixed.py for its products
filtering.py  rows.py's gradient products without what a bound certifies not to matter;
              with norms.py, bounds that rounding cannot break, and leading.py
columns.py    blocks of classes with all rows: four, for the smallest memory
labels.py     blocks of labels of sigmoid losses: none waits for another, so three again
blockwise.py  "map over blocks of rows and add up", which its own derivatives are made of
formulas.py   the loss and its first two derivatives on that, to any order
autograd.py   gradients in the forward pass, handed over in the backward
operator.py   torch.compile: one opaque node forward and one backward
"""
