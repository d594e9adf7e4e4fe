"""Exactly one class is true: linear softmax cross-entropy.

reduced.py    from checked operands to losses, by whatever serves the call
truth.py      a target as the task takes it: labels, distributions, sparse ones; with shift.py
              (targets of the next position) and sparse.py
task.py       what is asked for, and the part of it that belongs to some rows
call.py       one eager call: a plan, a walk, a reduction
rows.py       blocks of rows with all classes: three products
columns.py    blocks of classes with all rows: four, for the smallest memory; with
              slice_products.py
tall.py       rows.py for a GPU and 16 bits: tall blocks of gradients, low blocks of logits;
              with tall_plan.py and weight_sums.py
scores.py     a block of logits becomes its own gradient
formulas.py   the loss and its first two derivatives in torch operations, to any order
operator.py   torch.compile: one opaque node forward and one backward
"""
