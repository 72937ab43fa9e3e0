"""Agents that do tasks on phones and over APIs."""

__version__ = "0.1.0"
