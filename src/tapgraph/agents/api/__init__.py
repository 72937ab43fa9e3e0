"""The API agent: a graph that finds APIs, calls them, observes, asks, and checks its work."""

from tapgraph.agents.api.agent import ApiAgent

__all__ = ["ApiAgent"]
