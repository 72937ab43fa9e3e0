"""Benchmarks, run so that they can be run again: frozen items, results by line, scorers as functions."""
