"""Benchmarks that can be run again: frozen items, results by line, scorers as pure functions."""
