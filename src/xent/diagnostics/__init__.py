"""Misuse caught: one rule, one code, one message each.

`rules` lists the codes, `policy` says which of them run, `warn` speaks. Every message has
the same order: what was found (how many, where first, what value), why it matters, and
the one-line fix. Checks that succeed are cheap; a check that fails may take its time.
"""
