"""The losses in plain torch operations: any device, any order of differentiation, any transform.

They are what the kernels are compared with in torch, and what serves a call that no kernel
does. Nothing here looks at the value of a tensor in Python, so all of it can be traced.
"""
