"""Calibration: what a log loss is made of, computed from the bounded state of a summary.

Every function takes arrays of that state (weights of zeros and ones in the cells of a fixed
grid of the odds, losses on a grid of temperatures) and needs no rows.

- `decompose`, `decompose_classes`: log loss = uncertainty - resolution + miscalibration.
- `best_temperature`, `best_shift`: what scaling or shifting the scores would gain.
- `reliability`: the curve behind the terms, with the band of a calibrated model.
"""
