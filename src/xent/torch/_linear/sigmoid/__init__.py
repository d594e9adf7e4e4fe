"""Each label is true or false by itself: linear sigmoid cross-entropy.

No label waits for another, so blocks may be of rows and of labels, and nothing is made twice.

call.py       one eager call
task.py       what is asked for; targets.py: the true labels, in three layouts; faults.py:
              what is wrong with them
plan.py       how large a block is
labels.py     the walk over blocks; products.py and scores.py: what it does with one
positives.py  the true labels of a block
formulas.py   the loss in torch operations, to any order
operator.py   torch.compile
"""
