"""Predictions, intervals, effects over seeds and calibration."""
