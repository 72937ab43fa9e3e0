"""Recordings of the simulated phone, and how well actions are found in them."""
