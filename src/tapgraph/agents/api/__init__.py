"""The API agent: a graph that finds APIs, calls them, observes, asks, and checks its work."""
