"""Attention systems at work in models of `transformers`."""
