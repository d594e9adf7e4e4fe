"""From a task to differentiable numbers: which implementation serves a call, and how.

route.py, explain.py      what kind of call this is, and why
softmax.py, sigmoid.py    a task through its route, reduced
autograd.py               eager: the gradient is taken in the forward pass, once; saved.py: what
                          the backward pass reads again
cpu_*.py, memory.py       the native kernels, and tensors as the arrays that they read
triton_*.py               the Triton kernels
*_operator.py             torch.compile: one opaque node forward and one backward
pointwise.py, pieces.py   losses that are a sum of terms of single elements, without a kernel
results.py                what a loss comes to
"""
