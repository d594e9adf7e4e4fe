"""From a task to differentiable numbers: which implementation serves a call, and how.

route.py       what kind of call this is
autograd.py    eager: the gradient is taken in the forward pass, once, when it is needed
softmax.py, sigmoid.py    a task through its route, reduced
operators.py   torch.compile: custom operators, opaque to the compiler
memory.py      tensors as the arrays that the native kernels read
"""
