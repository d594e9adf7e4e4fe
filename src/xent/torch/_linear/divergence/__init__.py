"""A student beside a teacher: linear KL divergence, two blocks of logits at a time.

call.py       one eager call, and its walk over blocks of rows
formulas.py   the loss in torch operations, to any order
operator.py   torch.compile
explain.py    its plan
"""
