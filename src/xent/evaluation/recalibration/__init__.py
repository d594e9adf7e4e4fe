"""Predictions recalibrated: fitted on one set of rows, applied to others."""

from xent.evaluation.recalibration.fits import Fit, fit_shift, fit_temperature, fit_vector

__all__ = ["Fit", "fit_shift", "fit_temperature", "fit_vector"]
