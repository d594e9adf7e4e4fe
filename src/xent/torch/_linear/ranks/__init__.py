"""A vocabulary that several processes share.

call.py       a walk over blocks of rows, each rank with its own classes
exchange.py   what ranks tell each other: a few numbers a row, and what they must agree in
"""
