"""Calibration: reliability, temperature scaling, risk-coverage, prediction sets.

How sure a model may be.
"""

from sertools.evaluation._calibration import reliability
from sertools.evaluation._conformal import prediction_sets
from sertools.evaluation._selective import risk_coverage
from sertools.evaluation._temperature_scaling import calibrate

__all__ = ["calibrate", "prediction_sets", "reliability", "risk_coverage"]
