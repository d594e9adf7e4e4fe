"""The C++ kernels, seen from Python: one file an operation, arrays in, arrays out."""
