"""Calibration: what a log loss is made of, computed from the bounded state of a summary.

Every function takes arrays of that state (weights of zeros and ones in the cells of a fixed
grid of the odds, losses on a grid of temperatures) and needs no rows.

- `decompose`, `decompose_classes`: log loss = uncertainty - resolution + miscalibration; from
  cells by `corp.corp`, and from what any recalibration gained by `decompose_fit`.
- `best_temperature`, `best_shift`: what scaling or shifting the scores would gain.
- `reliability_of`: the curve behind the terms, with the band of a calibrated model.
"""

from xent.evaluation.calibration.decomposition import decompose, decompose_classes, decompose_fit
from xent.evaluation.calibration.grid import Grid, default_grid
from xent.evaluation.calibration.of_summary import reliability_of
from xent.evaluation.calibration.reliability import Bin, Curve, Reliability
from xent.evaluation.calibration.shift import LabelShifts, Shift, best_shift
from xent.evaluation.calibration.temperature import Temperature, best_temperature
from xent.evaluation.calibration.terms import Decomposition, Term

__all__ = [
    "Bin",
    "Curve",
    "Decomposition",
    "Grid",
    "LabelShifts",
    "Reliability",
    "Shift",
    "Temperature",
    "Term",
    "best_shift",
    "best_temperature",
    "decompose",
    "decompose_classes",
    "decompose_fit",
    "default_grid",
    "reliability_of",
]
