"""Gradient products without the classes that a bound certifies not to matter.

products.py   the products of rows.py, some classes left out
norms.py      bounds of norms that rounding cannot break
leading.py    a matrix without its leading directions, of which bounds are tighter
"""
