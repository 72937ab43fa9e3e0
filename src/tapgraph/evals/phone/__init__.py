"""Evaluation of phone agents on the simulated phone."""
