"""Agents that do tasks for people, and the record that each of their runs leaves."""
