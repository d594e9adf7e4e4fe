"""Predictions recalibrated: fitted on one set of rows, applied to others."""

from xent.evaluation.recalibration.api import recalibrate
from xent.evaluation.recalibration.fits import Fit, fit_shift, fit_temperature, fit_vector
from xent.evaluation.recalibration.recalibration import Recalibration
from xent.evaluation.recalibration.terms import RowTerms, Sampled, row_terms

__all__ = [
    "Fit",
    "Recalibration",
    "RowTerms",
    "Sampled",
    "fit_shift",
    "fit_temperature",
    "fit_vector",
    "recalibrate",
    "row_terms",
]
